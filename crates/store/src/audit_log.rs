//! The node's own audit log: lines appended to files, one file a day and 64 MiB at most, never changed afterwards.
//!
//! What a line says is the caller's; here it is octets without a line feed. An appended line is with the operating
//! system when `append` answers (a killed process loses nothing) and on the disk at the latest a moment later (one
//! background sync for all lines that came meanwhile), or at once for a caller that asks for it. A line cut short by a
//! power failure is cut off when the log is opened again. Source: design section 11, spec/security.md (ATNA).

use crate::StoreError;
use model::Dtm;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A new file is begun past this size.
const SEGMENT_OCTETS: u64 = 64 << 20;
/// Longest line that is accepted or given back.
const LINE_OCTETS: usize = 1 << 20;

/// How soon lines must be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditOptions {
    /// Lines wait at most so long for the sync they share; zero syncs with every line.
    pub sync_within: Duration,
}

impl Default for AuditOptions {
    fn default() -> Self {
        AuditOptions { sync_within: Duration::from_millis(50) }
    }
}

/// An append-only log below one folder. Dropping it syncs what is left.
pub struct AuditLog {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
}

struct Shared {
    folder: PathBuf,
    options: AuditOptions,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    segment: Option<Segment>,
    /// Numbers of the last line written and of the last one known to be on the disk.
    written: u64,
    synced: u64,
    /// Why a background sync failed; told to the next caller.
    failed: Option<StoreError>,
    closed: bool,
}

struct Segment {
    day: String,
    file: Arc<File>,
    size_octets: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditLog {
    /// Opens the folder, creating it when it is missing, and repairs the end of the last file. Errors: `Io`.
    pub fn open(folder: &Path, options: AuditOptions) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::io("creating the audit folder"))?;
        if let Some(last) = segments(folder)?.pop() {
            cut_unfinished_line(&last)?;
        }
        let shared =
            Arc::new(Shared { folder: folder.to_owned(), options, state: Mutex::default(), changed: Condvar::new() });
        let for_syncer = shared.clone();
        let syncer = thread::Builder::new()
            .name("audit-sync".to_owned())
            .spawn(move || sync_until_closed(&for_syncer))
            .map_err(StoreError::io("starting the audit thread"))?;
        Ok(AuditLog { shared, syncer: Some(syncer) })
    }

    /// Appends one line. `at` (unix microseconds) chooses the day's file; lines stay in the order of the calls.
    ///
    /// Errors: `Refused` for a line feed or more than 1 MiB; `Full`, `Io`, also when an earlier background sync failed.
    pub fn append(&self, at: i64, line: &[u8]) -> Result<(), StoreError> {
        let number = self.write(at, line)?;
        if self.shared.options.sync_within.is_zero() { self.sync_to(number) } else { Ok(()) }
    }

    /// Appends one line and answers when it is on the disk.
    pub fn append_durably(&self, at: i64, line: &[u8]) -> Result<(), StoreError> {
        let number = self.write(at, line)?;
        self.sync_to(number)
    }

    /// Answers when everything appended so far is on the disk.
    pub fn sync(&self) -> Result<(), StoreError> {
        let written = self.shared.lock().written;
        self.sync_to(written)
    }

    /// Every whole line, oldest first, as the files are at this moment. Lines appended later may or may not be seen.
    pub fn lines(&self) -> Result<AuditLines, StoreError> {
        Ok(AuditLines { segments: segments(&self.shared.folder)?.into_iter(), current: None })
    }

    fn write(&self, at: i64, line: &[u8]) -> Result<u64, StoreError> {
        if line.contains(&b'\n') || line.len() >= LINE_OCTETS {
            return Err(StoreError::Refused("an audit line has no line feed and less than 1 MiB"));
        }
        let mut state = self.shared.lock();
        if let Some(e) = state.failed.take() {
            return Err(e);
        }
        let day: String = Dtm::from_unix_seconds(at.div_euclid(1_000_000)).as_str().chars().take(8).collect();
        let segment = current_segment(&self.shared.folder, &mut state.segment, day)?;
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        if let Err(e) = (&*segment.file).write_all(&whole) {
            // Half a line would swallow the next one.
            let _ = segment.file.set_len(segment.size_octets);
            return Err(StoreError::io("writing the audit log")(e));
        }
        segment.size_octets += whole.len() as u64;
        state.written += 1;
        let number = state.written;
        drop(state);
        self.shared.changed.notify_all();
        Ok(number)
    }

    fn sync_to(&self, number: u64) -> Result<(), StoreError> {
        let (file, covers) = {
            let state = self.shared.lock();
            match &state.segment {
                Some(segment) if state.synced < number => (segment.file.clone(), state.written),
                _ => return Ok(()),
            }
        };
        // Earlier files were synced when they were left.
        file.sync_data().map_err(StoreError::io("syncing the audit log"))?;
        let mut state = self.shared.lock();
        state.synced = state.synced.max(covers);
        Ok(())
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(syncer) = self.syncer.take() {
            let _ = syncer.join();
        }
    }
}

fn sync_until_closed(shared: &Shared) {
    let mut state = shared.lock();
    loop {
        while state.written == state.synced && !state.closed {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.written == state.synced {
            return;
        }
        if !state.closed {
            // Others may add their lines to this sync.
            let waiting = shared.changed.wait_timeout_while(state, shared.options.sync_within, |s| !s.closed);
            state = waiting.unwrap_or_else(PoisonError::into_inner).0;
        }
        let Some(file) = state.segment.as_ref().map(|segment| segment.file.clone()) else { return };
        let covers = state.written;
        drop(state);
        let outcome = file.sync_data();
        state = shared.lock();
        if let Err(e) = outcome {
            state.failed = Some(StoreError::io("syncing the audit log")(e));
        }
        state.synced = state.synced.max(covers);
    }
}

/// The file for a day, opened or begun when it is another one than before. Days never go back.
fn current_segment<'a>(
    folder: &Path,
    current: &'a mut Option<Segment>,
    day: String,
) -> Result<&'a mut Segment, StoreError> {
    let fits = current.as_ref().is_some_and(|s| s.day >= day && s.size_octets < SEGMENT_OCTETS);
    if !fits {
        let failed = StoreError::io("opening the audit log");
        let (mut day, mut number) = (day, 1);
        let last = segments(folder)?.pop().and_then(|path| name_parts(&path));
        if let Some((last_day, last_number)) = last
            && last_day >= day
        {
            (day, number) = (last_day, last_number);
        }
        if current.as_ref().is_some_and(|s| s.day == day) {
            number += 1;
        }
        if let Some(left) = current.take() {
            left.file.sync_data().map_err(&failed)?;
        }
        let path = folder.join(format!("{day}-{number:04}.log"));
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(&failed)?;
        File::open(folder).and_then(|f| f.sync_all()).map_err(&failed)?;
        let size_octets = file.metadata().map_err(&failed)?.len();
        *current = Some(Segment { day, file: Arc::new(file), size_octets });
    }
    current.as_mut().ok_or(StoreError::Closed)
}

/// Day and number of a segment's name.
fn name_parts(path: &Path) -> Option<(String, u32)> {
    let (day, number) = path.file_name()?.to_str()?.strip_suffix(".log")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if day.len() != 8 || !digits(day) || !digits(number) {
        return None;
    }
    Some((day.to_owned(), number.parse().ok()?))
}

/// The log's files, oldest first.
fn segments(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = StoreError::io("reading the audit folder");
    let mut found = Vec::new();
    for item in fs::read_dir(folder).map_err(&failed)? {
        let path = item.map_err(&failed)?.path();
        if let Some(parts) = name_parts(&path) {
            found.push((parts, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn cut_unfinished_line(path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::io("repairing the audit log");
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(&failed)?;
    let size = file.metadata().map_err(&failed)?.len();
    let tail = size.min(LINE_OCTETS as u64);
    file.seek(SeekFrom::Start(size - tail)).map_err(&failed)?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes).map_err(&failed)?;
    if bytes.last().is_none_or(|b| *b == b'\n') {
        return Ok(());
    }
    let keep = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let file = OpenOptions::new().write(true).open(path).map_err(&failed)?;
    file.set_len(size - tail + keep as u64).map_err(&failed)?;
    file.sync_all().map_err(&failed)
}

/// Lines of the log, without their line feeds.
pub struct AuditLines {
    segments: std::vec::IntoIter<PathBuf>,
    current: Option<BufReader<File>>,
}

impl Iterator for AuditLines {
    type Item = Result<Vec<u8>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let failed = StoreError::io("reading the audit log");
        loop {
            let reader = match &mut self.current {
                Some(reader) => reader,
                None => match File::open(self.segments.next()?) {
                    Ok(file) => self.current.insert(BufReader::with_capacity(256 * 1024, file)),
                    Err(e) => return Some(Err(failed(e))),
                },
            };
            let mut line = Vec::new();
            match reader.take(LINE_OCTETS as u64).read_until(b'\n', &mut line) {
                Ok(_) if line.last() == Some(&b'\n') => {
                    line.pop();
                    return Some(Ok(line));
                }
                // The end, or a line that is being written at this moment.
                Ok(_) => self.current = None,
                Err(e) => {
                    self.current = None;
                    return Some(Err(failed(e)));
                }
            }
        }
    }
}
