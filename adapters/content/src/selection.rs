//! Which paths below a location's base belong to which key and scope. Does not know what is stored there.

use domain::layout::Pattern;
use domain::names::{Key, Scope};
use domain::ports::ContentError;
use domain::storage_unit::Location;
use globset::{GlobBuilder, GlobMatcher};

use crate::guard::stays_inside;

/// A location's layout, scope and glob, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    layout: Pattern,
    scope: Scope,
    include: Option<GlobMatcher>,
}

/// What surrounds the scope in the paths of one key: `folder`, `before`, the scope, `after`. None of the last three
/// has a slash; what follows a slash after the scope is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AroundScope {
    /// The folder, empty or ending with a slash.
    pub(crate) folder: String,
    /// What a name starts with.
    pub(crate) before: String,
    /// What a name ends with.
    pub(crate) after: String,
}

impl Selection {
    pub(crate) fn new(location: &Location) -> Result<Self, ContentError> {
        let include = location.include.as_deref().map(matcher).transpose()?;
        Ok(Self { layout: location.layout.clone(), scope: location.scope.clone(), include })
    }

    /// Whether the layout can lead to anything.
    pub(crate) fn check(&self) -> Result<(), ContentError> {
        let probe = Key::new("key").expect("a short plain text is a key");
        if stays_inside(&self.layout.path(&probe, &self.scope)) {
            return Ok(());
        }
        let text =
            format!("the layout '{}' does not lead below the location; remove empty parts", self.layout);
        Err(ContentError::Location(text))
    }

    /// The path that key and scope lead to, or nothing when the location has no such content whatever is stored.
    pub(crate) fn path(&self, key: &Key, scope: &Scope) -> Result<Option<String>, ContentError> {
        let path = self.any_path(key, scope)?;
        Ok((self.key(&path, scope).as_ref() == Some(key)).then_some(path))
    }

    /// The path that key and scope lead to, even when the location leaves it out: a place in the order of paths.
    pub(crate) fn any_path(&self, key: &Key, scope: &Scope) -> Result<String, ContentError> {
        let path = self.layout.path(key, scope);
        if stays_inside(&path) { Ok(path) } else { Err(ContentError::Outside(key.to_string())) }
    }

    /// The key of the object at `path`, if the object belongs to the scope. Never a key that [`Self::path`] refuses.
    pub(crate) fn key(&self, path: &str, scope: &Scope) -> Option<Key> {
        let (key, found) = self.layout.read(path)?;
        let belongs = found.as_ref().unwrap_or(&self.scope) == scope
            && self.include.as_ref().is_none_or(|include| include.is_match(path))
            && stays_inside(path);
        belongs.then_some(key)
    }

    /// What the path of every key with this scope starts with.
    pub(crate) fn lead(&self, scope: &Scope) -> String {
        let layout = self.layout.to_string();
        let before = layout.split_once("{key}").map_or("", |(before, _)| before);
        before.replace("{scope}", scope.as_str())
    }

    /// Where the scopes of the key are to be looked for; nothing when the layout has no scope.
    pub(crate) fn around_scope(&self, key: &Key) -> Result<Option<AroundScope>, ContentError> {
        let layout = self.layout.to_string();
        let Some((before, after)) = layout.split_once("{scope}") else { return Ok(None) };
        let (before, after) = (before.replace("{key}", key.as_str()), after.replace("{key}", key.as_str()));
        if !stays_inside(&format!("{before}scope{after}")) {
            return Err(ContentError::Outside(key.to_string()));
        }
        let (folder, before) = before.split_at(before.rfind('/').map_or(0, |slash| slash + 1));
        let after = after.split('/').next().unwrap_or_default();
        Ok(Some(AroundScope {
            folder: folder.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        }))
    }
}

impl AroundScope {
    /// The scope that an entry of the folder stands for.
    pub(crate) fn scope(&self, name: &str) -> Option<Scope> {
        Scope::new(name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?).ok()
    }
}

fn matcher(glob: &str) -> Result<GlobMatcher, ContentError> {
    match GlobBuilder::new(glob).literal_separator(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(ContentError::Location(format!("the glob of included paths is wrong: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(layout: &str, include: Option<&str>) -> Selection {
        Selection::new(&Location {
            url: "memory:///".to_owned(),
            layout: Pattern::new(layout).unwrap(),
            scope: scope("raw"),
            include: include.map(str::to_owned),
        })
        .unwrap()
    }

    fn scope(text: &str) -> Scope {
        Scope::new(text).unwrap()
    }

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    #[test]
    fn a_glob_with_two_stars_matches_in_any_depth_and_one_star_does_not_cross_a_slash() {
        let matches = |glob, path| selection("{key}", Some(glob)).key(path, &scope("raw")).is_some();
        for path in ["README.md", "a/README.md", "a/b/README.md"] {
            assert!(matches("**/README.md", path), "{path}");
        }
        assert!(!matches("**/README.md", "a/README.md.old"));
        assert!(matches("*.md", "a.md"));
        assert!(!matches("*.md", "a/b.md"));
        assert!(matches("a/*/c", "a/b/c"));
        assert!(!matches("a/*/c", "a/b/b/c"));
    }

    #[test]
    fn a_path_and_its_key_and_scope_lead_to_each_other() {
        let selection = selection("{key}.{scope}", None);
        assert_eq!(selection.key("a.b.txt", &scope("txt")), Some(key("a.b")));
        assert_eq!(selection.path(&key("a.b"), &scope("txt")), Ok(Some("a.b.txt".to_owned())));
        assert_eq!(selection.path(&key("a"), &scope("b.txt")), Ok(None), "that path is another key's");
    }

    #[test]
    fn a_layout_without_scope_has_only_the_scope_of_its_location() {
        let selection = selection("{key}", None);
        assert_eq!(selection.path(&key("a"), &scope("raw")), Ok(Some("a".to_owned())));
        assert_eq!(selection.path(&key("a"), &scope("other")), Ok(None));
    }

    #[test]
    fn a_layout_says_where_the_scopes_of_a_key_are() {
        let around = |layout: &str, name: &str| {
            let around = selection(layout, None).around_scope(&key(name)).unwrap()?;
            Some((around.folder, around.before, around.after))
        };
        let parts = |folder: &str, before: &str, after: &str| {
            Some((folder.to_owned(), before.to_owned(), after.to_owned()))
        };
        assert_eq!(around("{key}", "a/b"), None);
        assert_eq!(around("{key}/{scope}.json", "a/b"), parts("a/b/", "", ".json"));
        assert_eq!(around("{key}.{scope}", "a/b"), parts("a/", "b.", ""));
        assert_eq!(around("in/{scope}/{key}", "a/b"), parts("in/", "", ""));
        assert_eq!(around("s-{scope}-x/{key}.md", "{scope}"), parts("", "s-", "-x"));
        assert_eq!(around("{key}/{scope}", "{scope}"), parts("{scope}/", "", ""));
    }

    #[test]
    fn what_all_paths_of_a_scope_start_with() {
        assert_eq!(selection("in/{key}.md", None).lead(&scope("s")), "in/");
        assert_eq!(selection("in/{scope}/x-{key}", None).lead(&scope("s")), "in/s/x-");
        assert_eq!(selection("{key}/{scope}", None).lead(&scope("s")), "");
    }
}
