//! A file under a temporary name until it is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How much is written before the disk begins to store it. Left alone, Linux begins at the end, when everybody waits.
const STRIDE: usize = 8 * 1024 * 1024;

/// A file that disappears unless it is kept.
pub struct Partial {
    name: Name,
    file: File,
    /// Bytes since the disk was last asked to store what there is.
    since: usize,
    disk: Option<Disk>,
}

/// Its names. The temporary one goes with it.
struct Name {
    path: PathBuf,
    wanted: PathBuf,
    is_kept: bool,
}

/// A thread that stores what was written while more is written.
struct Disk {
    ask: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed still has its temporary name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Partial {
    /// Beside the wanted file, so that renaming needs no copy. People's data: only the owner reads it.
    ///
    /// # Errors
    ///
    /// The file cannot be made there.
    pub fn create(wanted: &Path) -> io::Result<Self> {
        let mut name = wanted.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.partial", std::process::id()));
        let path = wanted.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let name = Name { path, wanted: wanted.to_owned(), is_kept: false };
        Ok(Self { name, file, since: 0, disk: None })
    }

    /// Gives the file its name, once all of it is stored.
    ///
    /// # Errors
    ///
    /// Something could not be stored, now or earlier; or the file cannot have its name.
    pub fn keep(mut self) -> io::Result<()> {
        if let Some(Disk { ask, thread }) = self.disk.take() {
            drop(ask);
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread that stores the file died")))?;
        }
        self.file.sync_all()?;
        std::fs::rename(&self.name.path, &self.name.wanted)?;
        self.name.is_kept = true;
        Ok(())
    }

    fn store_so_far(&mut self) -> io::Result<()> {
        let disk = match &self.disk {
            Some(disk) => disk,
            None => self.disk.insert(Disk::start(self.file.try_clone()?)?),
        };
        // While it still stores, there is nothing to ask. Whether it could store shows at the end.
        let _ = disk.ask.try_send(());
        Ok(())
    }
}

impl Disk {
    fn start(file: File) -> io::Result<Self> {
        let (ask, asked) = sync_channel(0);
        let store = move || asked.iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("gatehouse-file".to_owned()).spawn(store)?;
        Ok(Self { ask, thread })
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.since = self.since.saturating_add(written);
        if self.since >= STRIDE {
            self.since = 0;
            self.store_so_far()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a small file in one step: a reader sees the old content or the new one.
///
/// # Errors
///
/// As for [`Partial`].
pub fn replace(path: &Path, content: &str) -> io::Result<()> {
    let mut partial = Partial::create(path)?;
    partial.write_all(content.as_bytes())?;
    partial.keep()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_whole_when_it_has_its_name_and_gone_when_it_is_not_kept() {
        let folder = tempfile::TempDir::new().unwrap();
        let wanted = folder.path().join("rows");
        let block: Vec<u8> = (0..STRIDE / 2).map(|number| number as u8).collect();
        let write = || {
            let mut partial = Partial::create(&wanted).unwrap();
            (0..5).for_each(|_| partial.write_all(&block).unwrap());
            assert!(partial.disk.is_some(), "it is stored meanwhile");
            partial
        };
        drop(write());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        write().keep().unwrap();
        let stored = std::fs::read(&wanted).unwrap();
        assert!(stored.len() == 5 * block.len() && stored.chunks(block.len()).all(|part| part == block));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
