//! What a location's URL opens: a folder, memory, or an object store. Does not know layouts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::names::Scope;
use domain::ports::{ContentError, KeyListing};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use url::{Position, Url};

use crate::folder::{Folder, FolderListing, blocking};
use crate::looks::Looks;
use crate::objects::{ObjectListing, Objects};
use crate::selection::{AroundScope, Selection};

/// How many clients of object stores are kept for the next use.
const CLIENTS_MAX: usize = 64;

/// What lies below a location's URL.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    Folder(Folder),
    Objects(Objects),
}

/// The stores behind the URLs: one for each name in memory, one client for each bucket.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    memory: Mutex<BTreeMap<String, Arc<InMemory>>>,
    clients: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
    looks: Looks,
}

impl Base {
    pub(crate) async fn check(&self) -> Result<(), ContentError> {
        match self {
            Self::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || folder.check()).await
            }
            Self::Objects(objects) => objects.check().await,
        }
    }

    /// The keys of a scope in the order of their paths, after the path `after`.
    pub(crate) fn keys(
        self,
        selection: Selection,
        scope: Scope,
        after: Option<String>,
    ) -> Result<Box<dyn KeyListing>, ContentError> {
        match self {
            Self::Folder(folder) => Ok(Box::new(FolderListing::new(folder, selection, scope, after))),
            Self::Objects(objects) => {
                let listing = ObjectListing::new(&objects, selection, scope, after.as_deref())?;
                Ok(Box::new(listing))
            }
        }
    }

    /// The scopes that a key could have by the names in one folder.
    pub(crate) async fn scopes(&self, around: &AroundScope) -> Result<Vec<Scope>, ContentError> {
        match self {
            Self::Folder(folder) => {
                let (folder, around) = (folder.clone(), around.clone());
                blocking(move || folder.scopes(&around)).await
            }
            Self::Objects(objects) => objects.scopes(around).await,
        }
    }

    pub(crate) async fn has(&self, path: &str) -> Result<bool, ContentError> {
        match self {
            Self::Folder(folder) => {
                let (folder, path) = (folder.clone(), path.to_owned());
                blocking(move || folder.has(&path)).await
            }
            Self::Objects(objects) => objects.has(path).await,
        }
    }

    pub(crate) async fn read(&self, path: &str, size_bytes_max: u64) -> Result<Vec<u8>, ContentError> {
        match self {
            Self::Folder(folder) => {
                let (folder, path) = (folder.clone(), path.to_owned());
                blocking(move || folder.read(&path, size_bytes_max)).await
            }
            Self::Objects(objects) => objects.read(path, size_bytes_max).await,
        }
    }
}

impl Stores {
    pub(crate) async fn open(&self, url: &str, excluded: &Arc<[PathBuf]>) -> Result<Base, ContentError> {
        let url = parse(url)?;
        if url.scheme() == "file" {
            let (folder, excluded) = (folder_path(&url)?, Arc::clone(excluded));
            return blocking(move || Folder::open(&folder, excluded)).await.map(Base::Folder);
        }
        self.objects(&url).map(Base::Objects)
    }

    /// Whether there is something at a path below a URL.
    pub(crate) async fn has(
        &self,
        url: &str,
        excluded: &Arc<[PathBuf]>,
        path: String,
    ) -> Result<bool, ContentError> {
        let url = parse(url)?;
        if url.scheme() == "file" {
            return self.looks.has(folder_path(&url)?, Arc::clone(excluded), path).await;
        }
        self.objects(&url)?.has(&path).await
    }

    pub(crate) fn memory(&self, url: &str) -> Result<Objects, ContentError> {
        let url = parse(url)?;
        if url.scheme() == "memory" {
            return self.objects(&url);
        }
        Err(ContentError::Location(format!(
            "'{url}' is not in memory; only a 'memory://' location can be filled"
        )))
    }

    /// The objects below a URL of any scheme but `file`.
    pub(crate) fn objects(&self, url: &Url) -> Result<Objects, ContentError> {
        let store = match url.scheme() {
            "memory" => self.memory_store(url.host_str().unwrap_or_default()),
            "s3" => self.client(url, s3)?,
            "gs" => self.client(url, gcs)?,
            "az" => self.client(url, azure)?,
            other => {
                return Err(ContentError::Location(format!(
                    "'{other}://' is not known; use file://, s3://, gs://, az:// or memory://"
                )));
            }
        };
        match ObjectPath::from_url_path(url.path()) {
            Ok(prefix) => Ok(Objects { store, prefix }),
            Err(error) => {
                Err(ContentError::Location(format!("the path of '{url}' is no object prefix: {error}")))
            }
        }
    }

    fn memory_store(&self, name: &str) -> Arc<dyn ObjectStore> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let store: &Arc<InMemory> = memory.entry(name.to_owned()).or_default();
        Arc::<InMemory>::clone(store)
    }

    /// A client holds connections and credentials, so it is built once per bucket.
    fn client(&self, url: &Url, build: fn(&Url) -> Built) -> Result<Arc<dyn ObjectStore>, ContentError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = &url[..Position::BeforePath];
        if let Some(client) = clients.get(bucket) {
            return Ok(Arc::clone(client));
        }
        let client = build(url)?;
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(bucket.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

pub(crate) fn parse(text: &str) -> Result<Url, ContentError> {
    let wrong = |why: String| ContentError::Location(format!("'{text}' {why}"));
    let url =
        Url::parse(text).map_err(|error| wrong(format!("is not a URL such as file:///folder: {error}")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a '?' or '#', which must be written %3F or %23 in a URL".to_owned()));
    }
    Ok(url)
}

pub(crate) fn folder_path(url: &Url) -> Result<PathBuf, ContentError> {
    url.to_file_path().map_err(|()| {
        ContentError::Location(format!("'{url}' is not a folder of this machine; use file:///folder"))
    })
}

type Built = Result<Arc<dyn ObjectStore>, ContentError>;

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn built(store: Result<impl ObjectStore, object_store::Error>) -> Built {
    match store {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(ContentError::Location(error.to_string())),
    }
}

#[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure")))]
fn not_built(scheme: &str, feature: &str) -> Built {
    let text =
        format!("'{scheme}://' is not part of this program; build it with the cargo feature '{feature}'");
    Err(ContentError::Location(text))
}

#[cfg(feature = "s3")]
fn s3(url: &Url) -> Built {
    built(object_store::aws::AmazonS3Builder::from_env().with_url(url.as_str()).build())
}

#[cfg(not(feature = "s3"))]
fn s3(_: &Url) -> Built {
    not_built("s3", "s3")
}

#[cfg(feature = "gcs")]
fn gcs(url: &Url) -> Built {
    built(object_store::gcp::GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).build())
}

#[cfg(not(feature = "gcs"))]
fn gcs(_: &Url) -> Built {
    not_built("gs", "gcs")
}

#[cfg(feature = "azure")]
fn azure(url: &Url) -> Built {
    built(object_store::azure::MicrosoftAzureBuilder::from_env().with_url(url.as_str()).build())
}

#[cfg(not(feature = "azure"))]
fn azure(_: &Url) -> Built {
    not_built("az", "azure")
}
