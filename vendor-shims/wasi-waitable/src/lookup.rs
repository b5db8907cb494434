//! Name lookup.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::task::{ready, Context, Poll};

use crate::abi;
use crate::subtask::Call;

/// `Lookup::new(name)`—The addresses of a host name, as a future.
///
/// Dropping it cancels the lookup.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] if there is no such name,
/// [`io::ErrorKind::PermissionDenied`] if the host does not resolve names,
/// [`io::ErrorKind::InvalidInput`] if it is no name, and otherwise
/// [`io::ErrorKind::Other`] with what the host says.
///
/// # References
///
/// - [`wasi:sockets/ip-name-lookup.resolve-addresses`]
///
/// [`wasi:sockets/ip-name-lookup.resolve-addresses`]: https://github.com/WebAssembly/WASI/blob/main/proposals/sockets/wit/ip-name-lookup.wit
pub struct Lookup {
    /// `None` once the result is taken.
    call: Option<Call<[u32; 5]>>,
    /// Read by the host when the call starts.
    _name: Box<str>,
}

// SAFETY: WASI 0.3 without threads has a single thread.
unsafe impl Send for Lookup {}
// SAFETY: as above.
unsafe impl Sync for Lookup {}

impl Lookup {
    /// Starts the lookup.
    pub fn new(name: &str) -> Lookup {
        let name: Box<str> = name.into();
        let call = Call::start([0; 5], |result| {
            // SAFETY: name and result stay until the call is done.
            unsafe { abi::resolve_addresses(name.as_ptr(), name.len(), result.cast()) }
        });
        Lookup {
            call: Some(call),
            _name: name,
        }
    }
}

impl Future for Lookup {
    type Output = io::Result<Vec<IpAddr>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.call.as_mut().expect("polled after completion");
        ready!(call.poll(cx));
        let result = self.call.take().expect("it is there").into_memory();
        // SAFETY: the call is done, so this is a result of its type, for the
        // first time.
        Poll::Ready(unsafe { lift(&result) })
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

/// # Safety
///
/// `result` is a `result<list<ip-address>, error-code>` that is not yet lifted.
unsafe fn lift(result: &[u32; 5]) -> io::Result<Vec<IpAddr>> {
    let [kind, first, second, third, fourth] = *result;
    if kind as u8 == 0 {
        let (list, len) = (first as *mut [u8; 18], second as usize);
        // SAFETY: the host has made a list of so many addresses of 18 bytes in
        // memory of `cabi_realloc`, which is `realloc`, for this to free.
        unsafe {
            let addresses = (0..len).map(|index| address(&*list.add(index))).collect();
            if len > 0 {
                libc::free(list.cast());
            }
            return Ok(addresses);
        }
    }
    let (kind, what) = match first as u8 {
        // Hosts give the latter of these if the component has no right to look
        // up names.
        0 | 4 => (
            io::ErrorKind::PermissionDenied,
            "the host does not resolve names".into(),
        ),
        1 => (io::ErrorKind::InvalidInput, "invalid host name".into()),
        2 => (io::ErrorKind::NotFound, "name or service not known".into()),
        3 => (
            io::ErrorKind::Other,
            "temporary failure in name resolution".into(),
        ),
        _ => {
            // SAFETY: in this case there is an optional string.
            let why = unsafe { string(second as u8 != 0, third, fourth) };
            let why = why.unwrap_or_else(|| "the host does not say why".into());
            (io::ErrorKind::Other, why)
        }
    };
    Err(io::Error::new(
        kind,
        format!("failed to lookup address information: {what}"),
    ))
}

fn address(bytes: &[u8; 18]) -> IpAddr {
    if bytes[0] == 0 {
        let [_, _, a, b, c, d, ..] = *bytes;
        return Ipv4Addr::new(a, b, c, d).into();
    }
    let mut segments = [0; 8];
    for (segment, bytes) in segments.iter_mut().zip(bytes[2..].chunks_exact(2)) {
        *segment = u16::from_le_bytes([bytes[0], bytes[1]]);
    }
    Ipv6Addr::from(segments).into()
}

/// # Safety
///
/// It is an `option<string>` that is not yet lifted.
pub(crate) unsafe fn string(is_some: bool, ptr: u32, len: u32) -> Option<String> {
    if !is_some || len == 0 {
        return None;
    }
    let (ptr, len) = (ptr as *mut u8, len as usize);
    // SAFETY: the host has made it in memory of `cabi_realloc`, as above.
    unsafe {
        let string = String::from_utf8_lossy(std::slice::from_raw_parts(ptr, len)).into_owned();
        libc::free(ptr.cast());
        Some(string)
    }
}
