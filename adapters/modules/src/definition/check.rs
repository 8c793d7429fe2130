//! Whether a definition can be run as it is written, and what to write instead. Looks at no file and no network.

use std::path::PathBuf;

use domain::names::ModuleName;
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Scheme;

use super::{
    BATCH_ITEMS_MAX_MAX, CODE_BYTES_MAX, Definition, Kind, Mode, OUTPUT_BYTES_MAX_MAX, RESERVED_PREFIX,
    STDERR_BYTES_MAX_MAX, TIME_LIMIT_MS_MAX,
};

/// A definition that cannot be run, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("module '{module}': {problem}")]
pub struct DefinitionError {
    /// Which module.
    pub module: ModuleName,
    /// What is wrong with its definition.
    pub problem: Problem,
}

/// What can be wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing says what to run.
    #[error("nothing says what to run; set command = [\"program\", \"argument\"] or shell = \"line\"")]
    NoProgram,
    /// Two things say what to run.
    #[error("both command and shell are set; remove one of them")]
    TwoPrograms,
    /// An argument cannot be handed to a program.
    #[error("the command contains a NUL character, which no program can be given; remove it")]
    NulInCommand,
    /// A variable cannot be set.
    #[error(
        "the environment variable {name:?} cannot be set; a name has neither '=' nor NUL, a value no NUL"
    )]
    Variable {
        /// Its name.
        name: String,
    },
    /// A variable belongs to the engine.
    #[error(
        "the environment variable '{name}' is set by the engine; choose a name without '{RESERVED_PREFIX}'"
    )]
    ReservedVariable {
        /// Its name.
        name: String,
    },
    /// An exit code cannot be given a meaning.
    #[error(
        "exit_codes: '{exit}' = '{code}' means nothing; write an exit code from 1 to 255 and the code of a failure of 1 to \
         {CODE_BYTES_MAX} bytes"
    )]
    ExitCode {
        /// The exit code as it is written.
        exit: String,
        /// What it would mean.
        code: String,
    },
    /// A service has no address.
    #[error("nothing says where the service is; set url = \"http://host:port/path\"")]
    NoUrl,
    /// The address of a service cannot be used.
    #[error("'{url}' is no address of a service; write http://host:port/path or https://host:port/path")]
    Url {
        /// The address as it is written.
        url: String,
    },
    /// The file of authorities cannot be used.
    #[error("the authorities in '{}' cannot be used: {problem}; set ca_file to a PEM file with their certificates", path.display())]
    CaFile {
        /// The file as it is written.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody can vouch for a service.
    #[error(
        "this machine trusts no authority that could vouch for a service with https; install its ca-certificates, or set ca_file"
    )]
    NoAuthorities,
    /// A header cannot be sent.
    #[error(
        "the header {name:?} cannot be sent; names have letters, digits and '-', values no control characters"
    )]
    Header {
        /// Its name.
        name: String,
    },
    /// A key says something that this kind of module does not have.
    #[error("{name} means nothing here; remove it, or {instead}")]
    NotForKind {
        /// The key.
        name: &'static str,
        /// What would give it a meaning.
        instead: &'static str,
    },
    /// A limit is out of range.
    #[error("{name} is {value}; set it between {min} and {max}")]
    LimitOutOfRange {
        /// Which limit.
        name: &'static str,
        /// What it is set to.
        value: u64,
        /// Its smallest value.
        min: u64,
        /// Its largest value.
        max: u64,
    },
    /// The program is not there.
    #[error("there is no program '{program}' that can be run; install it, or write its full path")]
    ProgramMissing {
        /// The program as it is written.
        program: String,
    },
    /// The working directory is not there.
    #[error("the working directory '{}' does not exist; create it, or set another dir", dir.display())]
    DirMissing {
        /// The directory as it is written.
        dir: PathBuf,
    },
}

impl Definition {
    /// Whether this can be run as it is written.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self.kind {
            Kind::Command => self.check_command()?,
            Kind::Http => self.check_http()?,
        }
        self.check_limits()
    }

    fn check_command(&self) -> Result<(), Problem> {
        let instead = "set kind = \"http\"";
        let foreign = [
            ("url", self.url.is_some()),
            ("headers", !self.headers.is_empty()),
            ("ca_file", self.ca_file.is_some()),
        ];
        refuse_foreign(foreign, instead)?;
        match (self.command.first(), &self.shell) {
            (Some(_), Some(_)) => return Err(Problem::TwoPrograms),
            (None, None) => return Err(Problem::NoProgram),
            (Some(text), None) | (None, Some(text)) if text.is_empty() => return Err(Problem::NoProgram),
            (Some(_), None) | (None, Some(_)) => {}
        }
        if self.command.iter().chain(&self.shell).any(|part| part.contains('\0')) {
            return Err(Problem::NulInCommand);
        }
        self.exit_codes.iter().try_for_each(|(exit, code)| check_exit_code(exit, code))?;
        self.env.iter().try_for_each(|(name, value)| check_variable(name, value))
    }

    fn check_http(&self) -> Result<(), Problem> {
        let instead = "set kind = \"command\"";
        let foreign = [
            ("mode", self.mode != Mode::Once),
            ("command", !self.command.is_empty()),
            ("shell", self.shell.is_some()),
            ("env", !self.env.is_empty()),
            ("inherit_env", self.inherit_env),
            ("exit_codes", !self.exit_codes.is_empty()),
            ("dir", self.dir.is_some()),
        ];
        refuse_foreign(foreign, instead)?;
        let needless = self.ca_file.is_some() && !self.is_https()?;
        refuse_foreign([("ca_file", needless)], "begin url with https://")?;
        self.header_map().map(drop)
    }

    /// The address of a service.
    pub(crate) fn uri(&self) -> Result<Uri, Problem> {
        let url = self.url.as_ref().ok_or(Problem::NoUrl)?;
        let uri: Option<Uri> = url.parse().ok();
        let usable = |uri: &Uri| {
            [Some("http"), Some("https")].contains(&uri.scheme_str())
                && uri.host().is_some_and(|it| !it.is_empty())
        };
        uri.filter(usable).ok_or_else(|| Problem::Url { url: url.clone() })
    }

    /// Whether a service is reached with transport security.
    pub(crate) fn is_https(&self) -> Result<bool, Problem> {
        Ok(self.uri()?.scheme() == Some(&Scheme::HTTPS))
    }

    /// The headers that a service gets.
    pub(crate) fn header_map(&self) -> Result<HeaderMap, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
            let (Ok(header), Ok(value)) = header else { return Err(Problem::Header { name: name.clone() }) };
            headers.insert(header, value);
        }
        Ok(headers)
    }

    fn check_limits(&self) -> Result<(), Problem> {
        let within = |name, value, min, max| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(Problem::LimitOutOfRange { name, value, min, max })
            }
        };
        within("time_limit_ms", self.time_limit_ms.0, 1, TIME_LIMIT_MS_MAX.0)?;
        within("output_bytes_max", self.output_bytes_max, 0, OUTPUT_BYTES_MAX_MAX)?;
        within("stderr_bytes_max", self.stderr_bytes_max as u64, 0, STDERR_BYTES_MAX_MAX as u64)?;
        within("batch_items_max", self.batch_items_max as u64, 1, BATCH_ITEMS_MAX_MAX as u64)?;
        within("end_limit_ms", self.end_limit_ms.0, 0, TIME_LIMIT_MS_MAX.0)?;
        within("request_bytes_max", self.request_bytes_max, 1, OUTPUT_BYTES_MAX_MAX)?;
        within("reply_bytes_max", self.reply_bytes_max, 1, OUTPUT_BYTES_MAX_MAX)?;
        within("retry.attempts_max", u64::from(self.retry.attempts_max), 1, u64::from(u32::MAX))
    }
}

fn refuse_foreign<const COUNT: usize>(
    foreign: [(&'static str, bool); COUNT],
    instead: &'static str,
) -> Result<(), Problem> {
    match foreign.into_iter().find(|(_, is_set)| *is_set) {
        Some((name, _)) => Err(Problem::NotForKind { name, instead }),
        None => Ok(()),
    }
}

fn check_exit_code(exit: &str, code: &str) -> Result<(), Problem> {
    // Written as it is looked up: without sign and leading zeros.
    let is_exit = exit.parse::<u8>().is_ok_and(|number| number > 0 && number.to_string() == exit);
    if is_exit && !code.trim().is_empty() && code.len() <= CODE_BYTES_MAX {
        return Ok(());
    }
    Err(Problem::ExitCode { exit: exit.to_owned(), code: code.to_owned() })
}

fn check_variable(name: &str, value: &str) -> Result<(), Problem> {
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        return Err(Problem::Variable { name: name.to_owned() });
    }
    if name.starts_with(RESERVED_PREFIX) {
        return Err(Problem::ReservedVariable { name: name.to_owned() });
    }
    Ok(())
}
