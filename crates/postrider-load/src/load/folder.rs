//! The folder of a run: the configuration, the data directory, the mock's profile and log, and what
//! both processes said.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::plan::options::OptionsError;

/// Where the files of a run lie.
#[derive(Debug)]
pub(crate) enum Folder {
    /// Where somebody wants them.
    Kept(PathBuf),
    /// Nowhere, when the run is over.
    Fleeting(TempDir),
}

impl Folder {
    /// The folder that is kept, or one that goes with this.
    ///
    /// # Errors
    /// [`OptionsError`] for one that was named and cannot be used.
    pub(crate) fn new(kept: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = kept else {
            let folder = TempDir::with_prefix("postrider-load-");
            return Ok(Self::Fleeting(
                folder.context("there is no room for a folder")?,
            ));
        };
        let made = std::fs::create_dir_all(path).and_then(|()| path.canonicalize());
        let shown = path.display();
        let path = made.map_err(|error| {
            OptionsError::Text(format!("--data: cannot make the folder {shown}: {error}"))
        })?;
        if path.join("data").exists() {
            let text = format!("--data: {shown} holds an earlier run: delete it, or name another");
            return Err(OptionsError::Text(text).into());
        }
        Ok(Self::Kept(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Fleeting(folder) => folder.path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_kept_only_where_one_was_named() {
        let house = tempfile::tempdir().unwrap();
        let named = house.path().join("below/run");
        assert!(Folder::new(Some(&named)).unwrap().path().ends_with("run"));
        assert!(named.is_dir());
        let fleeting = Folder::new(None).unwrap();
        let path = fleeting.path().to_owned();
        drop(fleeting);
        assert!(!path.exists());
    }

    #[test]
    fn an_earlier_run_is_not_written_over() {
        let house = tempfile::tempdir().unwrap();
        std::fs::create_dir(house.path().join("data")).unwrap();
        let refused = Folder::new(Some(house.path())).unwrap_err();
        assert!(refused.to_string().contains("an earlier run"), "{refused}");
    }
}
