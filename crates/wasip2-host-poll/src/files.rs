//! `wasi:filesystem`, with cap-std, which lets nothing out of a directory that
//! was granted.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use cap_fs_ext::{
    DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, SystemTimeSpec,
};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{Timespec, Timestamps};
use rustix::io::Errno;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType, flags};
use wasmtime::error::Context as _;
use wasmtime::{Result, bail};

use crate::clocks::DateTime;
use crate::streams::{Input, Output};
use crate::{Context, Guest, dropped};

/// The most that is read at once.
const MOST: u64 = 1 << 20;

/// What a guest has opened.
#[derive(Debug)]
pub enum Descriptor {
    Directory(Dir, Flags),
    File(Arc<Open>),
}

/// A file that is open.
#[derive(Debug)]
pub struct Open {
    pub file: File,
    flags: Flags,
}

/// The entries of a directory that were not read yet.
struct Entries(Mutex<std::vec::IntoIter<Entry>>);

flags! {
    Flags {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "file-integrity-sync")]
        const FILE_SYNC;
        #[component(name = "data-integrity-sync")]
        const DATA_SYNC;
        #[component(name = "requested-write-sync")]
        const WRITE_SYNC;
        #[component(name = "mutate-directory")]
        const MUTATE;
    }
}

flags! {
    PathFlags {
        #[component(name = "symlink-follow")]
        const FOLLOW;
    }
}

flags! {
    OpenFlags {
        #[component(name = "create")]
        const CREATE;
        #[component(name = "directory")]
        const DIRECTORY;
        #[component(name = "exclusive")]
        const EXCLUSIVE;
        #[component(name = "truncate")]
        const TRUNCATE;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum Kind {
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "block-device")]
    BlockDevice,
    #[component(name = "character-device")]
    CharacterDevice,
    #[component(name = "directory")]
    Directory,
    #[component(name = "fifo")]
    Fifo,
    #[component(name = "symbolic-link")]
    SymbolicLink,
    #[component(name = "regular-file")]
    RegularFile,
    #[component(name = "socket")]
    Socket,
}

/// `wasi:filesystem/types.error-code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum Code {
    #[component(name = "access")]
    Access,
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "already")]
    Already,
    #[component(name = "bad-descriptor")]
    BadDescriptor,
    #[component(name = "busy")]
    Busy,
    #[component(name = "deadlock")]
    Deadlock,
    #[component(name = "quota")]
    Quota,
    #[component(name = "exist")]
    Exist,
    #[component(name = "file-too-large")]
    FileTooLarge,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "in-progress")]
    InProgress,
    #[component(name = "interrupted")]
    Interrupted,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "io")]
    Io,
    #[component(name = "is-directory")]
    IsDirectory,
    #[component(name = "loop")]
    Loop,
    #[component(name = "too-many-links")]
    TooManyLinks,
    #[component(name = "message-size")]
    MessageSize,
    #[component(name = "name-too-long")]
    NameTooLong,
    #[component(name = "no-device")]
    NoDevice,
    #[component(name = "no-entry")]
    NoEntry,
    #[component(name = "no-lock")]
    NoLock,
    #[component(name = "insufficient-memory")]
    InsufficientMemory,
    #[component(name = "insufficient-space")]
    InsufficientSpace,
    #[component(name = "not-directory")]
    NotDirectory,
    #[component(name = "not-empty")]
    NotEmpty,
    #[component(name = "not-recoverable")]
    NotRecoverable,
    #[component(name = "unsupported")]
    Unsupported,
    #[component(name = "no-tty")]
    NoTty,
    #[component(name = "no-such-device")]
    NoSuchDevice,
    #[component(name = "overflow")]
    Overflow,
    #[component(name = "not-permitted")]
    NotPermitted,
    #[component(name = "pipe")]
    Pipe,
    #[component(name = "read-only")]
    ReadOnly,
    #[component(name = "invalid-seek")]
    InvalidSeek,
    #[component(name = "text-file-busy")]
    TextFileBusy,
    #[component(name = "cross-device")]
    CrossDevice,
}

impl From<Errno> for Code {
    fn from(error: Errno) -> Code {
        match error {
            Errno::ACCESS => Code::Access,
            Errno::AGAIN => Code::WouldBlock,
            Errno::ALREADY => Code::Already,
            Errno::BADF => Code::BadDescriptor,
            Errno::BUSY => Code::Busy,
            Errno::DEADLK => Code::Deadlock,
            Errno::DQUOT => Code::Quota,
            Errno::EXIST => Code::Exist,
            Errno::FBIG => Code::FileTooLarge,
            Errno::ILSEQ => Code::IllegalByteSequence,
            Errno::INPROGRESS => Code::InProgress,
            Errno::INTR => Code::Interrupted,
            Errno::INVAL => Code::Invalid,
            Errno::ISDIR => Code::IsDirectory,
            Errno::LOOP => Code::Loop,
            Errno::MLINK => Code::TooManyLinks,
            Errno::MSGSIZE => Code::MessageSize,
            Errno::NAMETOOLONG => Code::NameTooLong,
            Errno::NODEV => Code::NoDevice,
            Errno::NOENT => Code::NoEntry,
            Errno::NOLCK => Code::NoLock,
            Errno::NOMEM => Code::InsufficientMemory,
            Errno::NOSPC => Code::InsufficientSpace,
            Errno::NOTDIR => Code::NotDirectory,
            Errno::NOTEMPTY => Code::NotEmpty,
            Errno::NOTRECOVERABLE => Code::NotRecoverable,
            Errno::NOTSUP => Code::Unsupported,
            Errno::NOTTY => Code::NoTty,
            Errno::NXIO => Code::NoSuchDevice,
            Errno::OVERFLOW => Code::Overflow,
            Errno::PERM => Code::NotPermitted,
            Errno::PIPE => Code::Pipe,
            Errno::ROFS => Code::ReadOnly,
            Errno::SPIPE => Code::InvalidSeek,
            Errno::TXTBSY => Code::TextFileBusy,
            Errno::XDEV => Code::CrossDevice,
            _ => Code::Io,
        }
    }
}

impl From<io::Error> for Code {
    fn from(error: io::Error) -> Code {
        (&error).into()
    }
}

impl From<&io::Error> for Code {
    fn from(error: &io::Error) -> Code {
        match Errno::from_io_error(error) {
            Some(error) => error.into(),
            // What cap-std makes by itself: a path that leads out.
            None => match error.kind() {
                io::ErrorKind::PermissionDenied => Code::NotPermitted,
                io::ErrorKind::NotFound => Code::NoEntry,
                io::ErrorKind::AlreadyExists => Code::Exist,
                io::ErrorKind::InvalidInput => Code::Invalid,
                _ => Code::Io,
            },
        }
    }
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Stat {
    #[component(name = "type")]
    kind: Kind,
    #[component(name = "link-count")]
    links: u64,
    size: u64,
    #[component(name = "data-access-timestamp")]
    accessed: Option<DateTime>,
    #[component(name = "data-modification-timestamp")]
    modified: Option<DateTime>,
    #[component(name = "status-change-timestamp")]
    changed: Option<DateTime>,
}

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(variant)]
enum NewTime {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    At(DateTime),
}

#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
struct Entry {
    #[component(name = "type")]
    kind: Kind,
    name: String,
}

#[allow(dead_code, reason = "all that WASI has; guests make them")]
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum Advice {
    #[component(name = "normal")]
    Normal,
    #[component(name = "sequential")]
    Sequential,
    #[component(name = "random")]
    Random,
    #[component(name = "will-need")]
    WillNeed,
    #[component(name = "dont-need")]
    DontNeed,
    #[component(name = "no-reuse")]
    NoReuse,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Hash {
    lower: u64,
    upper: u64,
}

/// What is asked of a file's metadata, however it was come by.
struct Known {
    mode: u32,
    links: u64,
    size: u64,
    accessed: (i64, i64),
    modified: (i64, i64),
    changed: (i64, i64),
    device: u64,
    inode: u64,
}

impl Known {
    fn of_file(file: &File) -> io::Result<Known> {
        let data = file.metadata()?;
        Ok(Known {
            mode: data.mode(),
            links: data.nlink(),
            size: data.size(),
            accessed: (data.atime(), data.atime_nsec()),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
            device: data.dev(),
            inode: data.ino(),
        })
    }

    fn of(data: cap_std::fs::Metadata) -> Known {
        use cap_std::fs::MetadataExt;
        Known {
            mode: MetadataExt::mode(&data),
            links: MetadataExt::nlink(&data),
            size: MetadataExt::size(&data),
            accessed: (MetadataExt::atime(&data), MetadataExt::atime_nsec(&data)),
            modified: (MetadataExt::mtime(&data), MetadataExt::mtime_nsec(&data)),
            changed: (MetadataExt::ctime(&data), MetadataExt::ctime_nsec(&data)),
            device: MetadataExt::dev(&data),
            inode: MetadataExt::ino(&data),
        }
    }

    fn kind(&self) -> Kind {
        use rustix::fs::FileType;
        match FileType::from_raw_mode(self.mode as rustix::fs::RawMode) {
            FileType::RegularFile => Kind::RegularFile,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::SymbolicLink,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice => Kind::CharacterDevice,
            FileType::BlockDevice => Kind::BlockDevice,
            _ => Kind::Unknown,
        }
    }

    fn stat(&self) -> Stat {
        let time = |(seconds, nanoseconds): (i64, i64)| {
            Some(DateTime {
                seconds: u64::try_from(seconds).ok()?,
                nanoseconds: nanoseconds as u32,
            })
        };
        Stat {
            kind: self.kind(),
            links: self.links,
            size: self.size,
            accessed: time(self.accessed),
            modified: time(self.modified),
            changed: time(self.changed),
        }
    }

    /// The same for the same file while nobody changes it.
    fn hash(&self) -> Hash {
        use std::hash::{DefaultHasher, Hash as _, Hasher};
        let hash = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            (seed, self.device, self.inode, self.size).hash(&mut hasher);
            (self.modified, self.changed).hash(&mut hasher);
            hasher.finish()
        };
        Hash {
            lower: hash(0),
            upper: hash(1),
        }
    }
}

impl NewTime {
    fn spec(self) -> Result<Option<SystemTimeSpec>, Code> {
        Ok(match self {
            NewTime::NoChange => None,
            NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
            NewTime::At(time) => {
                let time: SystemTime = time.time().ok_or(Code::Overflow)?;
                Some(SystemTimeSpec::Absolute(
                    cap_std::time::SystemTime::from_std(time),
                ))
            }
        })
    }

    fn timespec(self) -> Result<Timespec, Code> {
        let special = |nanoseconds| Timespec {
            tv_sec: 0,
            tv_nsec: nanoseconds,
        };
        Ok(match self {
            NewTime::NoChange => special(rustix::fs::UTIME_OMIT as _),
            NewTime::Now => special(rustix::fs::UTIME_NOW as _),
            NewTime::At(time) => Timespec {
                tv_sec: time.seconds.try_into().map_err(|_| Code::Overflow)?,
                tv_nsec: time.nanoseconds.into(),
            },
        })
    }
}

impl Descriptor {
    fn directory(&self) -> Result<&Dir, Code> {
        match self {
            Descriptor::Directory(directory, _) => Ok(directory),
            Descriptor::File(_) => Err(Code::NotDirectory),
        }
    }

    fn file(&self) -> Result<&Arc<Open>, Code> {
        match self {
            Descriptor::File(file) => Ok(file),
            Descriptor::Directory(..) => Err(Code::BadDescriptor),
        }
    }

    fn readable(&self) -> Result<&Arc<Open>, Code> {
        let Descriptor::File(file) = self else {
            return Err(Code::IsDirectory);
        };
        match file.flags & Flags::READ == Flags::READ {
            true => Ok(file),
            false => Err(Code::BadDescriptor),
        }
    }

    fn writable(&self) -> Result<&Arc<Open>, Code> {
        let file = self.file()?;
        match file.flags & Flags::WRITE == Flags::WRITE {
            true => Ok(file),
            false => Err(Code::BadDescriptor),
        }
    }

    fn known(&self) -> Result<Known, Code> {
        Ok(match self {
            Descriptor::Directory(directory, _) => Known::of(directory.dir_metadata()?),
            Descriptor::File(open) => Known::of_file(&open.file)?,
        })
    }

    fn known_at(&self, flags: PathFlags, path: &str) -> Result<Known, Code> {
        let directory = self.directory()?;
        Ok(Known::of(match flags == PathFlags::FOLLOW {
            true => directory.metadata(path)?,
            false => directory.symlink_metadata(path)?,
        }))
    }

    fn open_at(
        &self,
        path_flags: PathFlags,
        path: &str,
        open: OpenFlags,
        flags: Flags,
    ) -> Result<Descriptor, Code> {
        let directory = self.directory()?;
        let has = |flag: OpenFlags| open & flag == flag;
        let wants = |flag: Flags| flags & flag == flag;
        if [Flags::FILE_SYNC, Flags::DATA_SYNC, Flags::WRITE_SYNC]
            .into_iter()
            .any(wants)
        {
            return Err(Code::Unsupported);
        }
        let makes = has(OpenFlags::CREATE) || has(OpenFlags::EXCLUSIVE) || has(OpenFlags::TRUNCATE);
        if has(OpenFlags::DIRECTORY) && makes {
            return Err(Code::Invalid);
        }
        let mut options = OpenOptions::new();
        options.maybe_dir(true);
        options.follow(match path_flags == PathFlags::FOLLOW {
            true => FollowSymlinks::Yes,
            false => FollowSymlinks::No,
        });
        let mut granted = flags;
        match (has(OpenFlags::CREATE), has(OpenFlags::EXCLUSIVE)) {
            (true, true) => {
                options.create_new(true).write(true);
            }
            (true, false) => {
                options.create(true).write(true);
            }
            _ => {}
        }
        if has(OpenFlags::TRUNCATE) {
            options.truncate(true).write(true);
        }
        if wants(Flags::WRITE) {
            options.write(true);
        }
        if wants(Flags::READ) || !wants(Flags::WRITE) {
            options.read(true);
            granted |= Flags::READ;
        }
        let file = directory.open_with(path, &options)?.into_std();
        let is_directory = file.metadata()?.is_dir();
        match (is_directory, has(OpenFlags::DIRECTORY)) {
            (true, _) => Ok(Descriptor::Directory(Dir::from_std_file(file), flags)),
            (false, true) => Err(Code::NotDirectory),
            (false, false) => Ok(Descriptor::File(Arc::new(Open {
                file,
                flags: granted,
            }))),
        }
    }

    fn read(&self, length: u64, place: u64) -> Result<(Vec<u8>, bool), Code> {
        let open = self.readable()?;
        let mut bytes = vec![0; length.min(MOST) as usize];
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(&open.file, &mut bytes, place))?;
        bytes.truncate(read);
        Ok((bytes, read == 0 && length > 0))
    }

    fn write(&self, bytes: &[u8], place: u64) -> Result<u64, Code> {
        let open = self.writable()?;
        let written = rustix::io::retry_on_intr(|| rustix::io::pwrite(&open.file, bytes, place))?;
        Ok(written as u64)
    }

    fn entries(&self) -> Result<Entries, Code> {
        let mut entries = Vec::new();
        for entry in self.directory()?.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Code::IllegalByteSequence);
            };
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_dir() => Kind::Directory,
                Ok(kind) if kind.is_file() => Kind::RegularFile,
                Ok(kind) if kind.is_symlink() => Kind::SymbolicLink,
                _ => Kind::Unknown,
            };
            entries.push(Entry { kind, name });
        }
        Ok(Entries(Mutex::new(entries.into_iter())))
    }

    fn set_times(&self, accessed: NewTime, modified: NewTime) -> Result<(), Code> {
        let times = Timestamps {
            last_access: accessed.timespec()?,
            last_modification: modified.timespec()?,
        };
        match self {
            Descriptor::File(open) => rustix::fs::futimens(&open.file, &times)?,
            Descriptor::Directory(directory, _) => rustix::fs::futimens(directory, &times)?,
        }
        Ok(())
    }

    fn set_times_at(
        &self,
        flags: PathFlags,
        path: &str,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), Code> {
        let directory = self.directory()?;
        let (accessed, modified) = (accessed.spec()?, modified.spec()?);
        match flags == PathFlags::FOLLOW {
            true => DirExt::set_times(directory, path, accessed, modified)?,
            false => directory.set_symlink_times(path, accessed, modified)?,
        }
        Ok(())
    }

    fn sync(&self, data_only: bool) -> Result<(), Code> {
        let synced = match self {
            Descriptor::File(open) if data_only => open.file.sync_data(),
            Descriptor::File(open) => open.file.sync_all(),
            Descriptor::Directory(directory, _) => {
                directory.try_clone()?.into_std_file().sync_all()
            }
        };
        match synced {
            // It cannot be written to, and so nothing is left to be.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::BADF) => Ok(()),
            synced => Ok(synced?),
        }
    }
}

/// A link's target, or a path, as a guest may have it.
fn text(path: PathBuf) -> Result<String, Code> {
    path.into_os_string()
        .into_string()
        .map_err(|_| Code::IllegalByteSequence)
}

/// Opens what a guest may use.
pub fn open(directories: &[(PathBuf, String)]) -> Result<Vec<(Arc<Descriptor>, String)>> {
    let open = |(host, guest): &(PathBuf, String)| {
        let directory = Dir::open_ambient_dir(host, ambient_authority()).with_context(|| {
            format!(
                "the directory {} (--dir) could not be opened",
                host.display()
            )
        })?;
        let flags = Flags::READ | Flags::MUTATE;
        let descriptor = Arc::new(Descriptor::Directory(directory, flags));
        Ok((descriptor, guest.clone()))
    };
    directories.iter().map(open).collect()
}

type Handle = Arc<Descriptor>;

fn of(context: &Context, descriptor: &Resource<Handle>) -> Result<Handle> {
    Ok(context.data().table.get(descriptor)?.clone())
}

/// Adds it to `linker`.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker
        .instance("wasi:filesystem/preopens@0.2.0")?
        .func_wrap("get-directories", |mut context: Context, ()| {
            let guest = context.data_mut();
            let mut directories: Vec<(Resource<Handle>, String)> = Vec::new();
            for (descriptor, name) in &guest.preopened {
                directories.push((guest.table.push(descriptor.clone())?, name.clone()));
            }
            Ok((directories,))
        })?;

    let mut interface = linker.instance("wasi:filesystem/types@0.2.0")?;
    interface.resource(
        "descriptor",
        ResourceType::host::<Handle>(),
        dropped::<Handle>,
    )?;
    interface.resource(
        "directory-entry-stream",
        ResourceType::host::<Entries>(),
        dropped::<Entries>,
    )?;
    macro_rules! method {
        ($name:literal, |$own:ident $(, $argument:ident: $kind:ty)*| -> $answer:ty $body:block) => {
            interface.func_wrap(
                concat!("[method]descriptor.", $name),
                |context: Context, ($own, $($argument,)*): (Resource<Handle>, $($kind,)*)| {
                    let $own = of(&context, &$own)?;
                    let work = || -> Result<$answer, Code> { $body };
                    let answer = work();
                    Ok((answer,))
                },
            )?;
        };
    }
    interface.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut context: Context, (own, place): (Resource<Handle>, u64)| {
            let own = of(&context, &own)?;
            Ok((match own.readable() {
                Ok(file) => Ok(context
                    .data_mut()
                    .table
                    .push(Input::File(file.clone(), place))?),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut context: Context, (own, place): (Resource<Handle>, u64)| {
            let own = of(&context, &own)?;
            Ok((match own.writable() {
                Ok(file) => {
                    let output = Output::File(file.clone(), Some(place));
                    Ok(context.data_mut().table.push(output)?)
                }
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut context: Context, (own,): (Resource<Handle>,)| {
            let own = of(&context, &own)?;
            Ok((match own.writable() {
                Ok(file) => {
                    let output = Output::File(file.clone(), None);
                    Ok(context.data_mut().table.push(output)?)
                }
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.read-directory",
        |mut context: Context, (own,): (Resource<Handle>,)| {
            let own = of(&context, &own)?;
            Ok((match own.entries() {
                Ok(entries) => Ok(context.data_mut().table.push(entries)?),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.open-at",
        |mut context: Context,
         (own, follow, path, open, flags): (
            Resource<Handle>,
            PathFlags,
            String,
            OpenFlags,
            Flags,
        )| {
            let own = of(&context, &own)?;
            Ok((match own.open_at(follow, &path, open, flags) {
                Ok(descriptor) => Ok(context.data_mut().table.push(Arc::new(descriptor))?),
                Err(error) => Err(error),
            },))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.link-at",
        |context: Context,
         (own, follow, old, other, new): (
            Resource<Handle>,
            PathFlags,
            String,
            Resource<Handle>,
            String,
        )| {
            let (own, other) = (of(&context, &own)?, of(&context, &other)?);
            let linked = (|| {
                if follow == PathFlags::FOLLOW {
                    return Err(Code::Invalid);
                }
                Ok(own.directory()?.hard_link(&old, other.directory()?, &new)?)
            })();
            Ok((linked,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.rename-at",
        |context: Context,
         (own, old, other, new): (Resource<Handle>, String, Resource<Handle>, String)| {
            let (own, other) = (of(&context, &own)?, of(&context, &other)?);
            let renamed =
                (|| Ok::<_, Code>(own.directory()?.rename(&old, other.directory()?, &new)?))();
            Ok((renamed,))
        },
    )?;
    interface.func_wrap(
        "[method]descriptor.is-same-object",
        |context: Context, (own, other): (Resource<Handle>, Resource<Handle>)| {
            let known = |descriptor: Handle| descriptor.known().ok();
            let (own, other) = (known(of(&context, &own)?), known(of(&context, &other)?));
            Ok((match (own, other) {
                (Some(own), Some(other)) => (own.device, own.inode) == (other.device, other.inode),
                _ => false,
            },))
        },
    )?;
    method!("advise", |own,
                       _place: u64,
                       _length: u64,
                       _advice: Advice|
     -> () {
        own.file()?;
        Ok(())
    });
    method!("sync-data", |own| -> () { own.sync(true) });
    method!("sync", |own| -> () { own.sync(false) });
    method!("get-flags", |own| -> Flags {
        Ok(match &*own {
            Descriptor::File(open) => open.flags,
            Descriptor::Directory(_, flags) => *flags,
        })
    });
    method!("get-type", |own| -> Kind { Ok(own.known()?.kind()) });
    method!("set-size", |own, size: u64| -> () {
        Ok(own.writable()?.file.set_len(size)?)
    });
    method!("set-times", |own,
                          accessed: NewTime,
                          modified: NewTime|
     -> () {
        own.set_times(accessed, modified)
    });
    method!("read", |own, length: u64, place: u64| -> (Vec<u8>, bool) {
        own.read(length, place)
    });
    method!("write", |own, bytes: Vec<u8>, place: u64| -> u64 {
        own.write(&bytes, place)
    });
    method!("create-directory-at", |own, path: String| -> () {
        Ok(own.directory()?.create_dir(&path)?)
    });
    method!("stat", |own| -> Stat { Ok(own.known()?.stat()) });
    method!("stat-at", |own, follow: PathFlags, path: String| -> Stat {
        Ok(own.known_at(follow, &path)?.stat())
    });
    method!("set-times-at", |own,
                             follow: PathFlags,
                             path: String,
                             accessed: NewTime,
                             modified: NewTime|
     -> () {
        own.set_times_at(follow, &path, accessed, modified)
    });
    method!("readlink-at", |own, path: String| -> String {
        text(own.directory()?.read_link_contents(&path)?)
    });
    method!("remove-directory-at", |own, path: String| -> () {
        Ok(own.directory()?.remove_dir(&path)?)
    });
    method!("symlink-at", |own, target: String, path: String| -> () {
        // One that leads out could not be followed.
        Ok(own.directory()?.symlink(&target, &path)?)
    });
    method!("unlink-file-at", |own, path: String| -> () {
        Ok(own.directory()?.remove_file_or_symlink(&path)?)
    });
    method!("metadata-hash", |own| -> Hash { Ok(own.known()?.hash()) });
    method!("metadata-hash-at", |own,
                                 follow: PathFlags,
                                 path: String|
     -> Hash {
        Ok(own.known_at(follow, &path)?.hash())
    });
    interface.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |context: Context, (entries,): (Resource<Entries>,)| {
            let entries = context.data().table.get(&entries)?;
            let Ok(mut entries) = entries.0.lock() else {
                bail!("the entries of a directory are gone");
            };
            Ok((Ok::<_, Code>(entries.next()),))
        },
    )?;
    interface.func_wrap(
        "filesystem-error-code",
        |context: Context, (error,): (Resource<io::Error>,)| {
            Ok((Some(Code::from(context.data().table.get(&error)?)),))
        },
    )
}
