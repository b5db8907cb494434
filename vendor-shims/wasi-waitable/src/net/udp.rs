//! A UDP socket.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::address::{error, flatten, lift, lower};
use super::tcp::Opt;
use super::{call, call_with};
use crate::abi::udp;
use crate::subtask::Call;

pub(crate) struct Udp {
    // Both are dropped before the socket, as their subtasks borrow it.
    receiving: RefCell<Option<Call<[u32; 11]>>>,
    sending: RefCell<Option<Sending>>,
    received: RefCell<Option<Result<Datagram, c_int>>>,
    handle: Handle,
    pub(super) family: c_int,
    bound: Cell<bool>,
}

struct Handle(u32);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is a socket's handle, and known of here alone.
        unsafe { udp::drop(self.0) };
    }
}

/// A datagram on its way, which is not sent twice or half if it is left to end.
struct Sending {
    call: Call<[u32; 17]>,
    _data: Box<[u8]>,
}

struct Datagram {
    /// Of the host, in memory of `cabi_realloc`.
    data: *mut u8,
    len: usize,
    from: SocketAddr,
}

impl Drop for Datagram {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: it is memory of `cabi_realloc`, which is `realloc`.
            unsafe { libc::free(self.data.cast()) };
        }
    }
}

impl Udp {
    pub(super) fn new(family: c_int) -> Result<Udp, c_int> {
        let area = call(|to| {
            // SAFETY: there is room for the result.
            unsafe { udp::create(u32::from(family == libc::AF_INET6), to) }
        })?;
        Ok(Udp {
            receiving: RefCell::new(None),
            sending: RefCell::new(None),
            received: RefCell::new(None),
            handle: Handle(area.number()),
            family,
            bound: Cell::new(false),
        })
    }

    pub(super) fn bind(&self, address: &SocketAddr) -> Result<(), c_int> {
        // SAFETY: the handle is a socket's, and there is room for the result.
        call(|to| unsafe { udp::bind(self.handle.0, flatten(address), to) })?;
        self.bound.set(true);
        Ok(())
    }

    pub(super) fn connect(&self, address: Option<&SocketAddr>) -> Result<(), c_int> {
        // SAFETY: as above.
        call(|to| unsafe {
            match address {
                Some(address) => udp::connect(self.handle.0, flatten(address), to),
                None => udp::disconnect(self.handle.0, to),
            }
        })?;
        self.bound.set(true);
        Ok(())
    }

    /// # Safety
    ///
    /// `data` points to `len` bytes.
    pub(super) unsafe fn send(
        &self,
        data: *const u8,
        len: usize,
        to: Option<&SocketAddr>,
    ) -> Result<usize, c_int> {
        let mut sending = self.sending.borrow_mut();
        if let Some(Sending { call, .. }) = &*sending {
            if !call.is_done() {
                return Err(libc::EAGAIN);
            }
        }
        if let Some(Sending { call, .. }) = sending.take() {
            result(&call.into_memory()[12..])?;
        }
        // SAFETY: as the caller says.
        let data: Box<[u8]> = unsafe { std::slice::from_raw_parts(data, len) }.into();
        // Handle, data and address, then the result.
        let mut memory = [0; 17];
        memory[..3].copy_from_slice(&[self.handle.0, data.as_ptr() as u32, len as u32]);
        if let Some(address) = to {
            memory[3] = 1;
            for (to, bytes) in memory[4..12].iter_mut().zip(lower(address).chunks_exact(4)) {
                *to = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
        let call = Call::start(memory, |memory| {
            let memory = memory.cast::<u32>();
            // SAFETY: parameters, data and result stay until the call is done.
            unsafe { udp::send(memory.cast(), memory.add(12).cast()) }
        });
        self.bound.set(true);
        if call.is_done() {
            result(&call.into_memory()[12..])?;
        } else {
            *sending = Some(Sending { call, _data: data });
        }
        Ok(len)
    }

    /// Starts to receive, or takes what is received.
    fn settle(&self, start: bool) {
        if self.received.borrow().is_some() {
            return;
        }
        let mut receiving = self.receiving.borrow_mut();
        if receiving.is_none() && start {
            *receiving = Some(Call::start([0; 11], |result| {
                // SAFETY: the result stays until the call is done.
                unsafe { udp::receive(self.handle.0, result.cast()) }
            }));
        }
        if !matches!(&*receiving, Some(call) if call.is_done()) {
            return;
        }
        let Some(call) = receiving.take() else { return };
        let memory = call.into_memory();
        let bytes: Vec<u8> = memory.iter().flat_map(|n| n.to_le_bytes()).collect();
        *self.received.borrow_mut() = Some(if bytes[0] == 0 {
            Ok(Datagram {
                data: memory[1] as *mut u8,
                len: memory[2] as usize,
                from: lift(&bytes[12..]),
            })
        } else {
            // SAFETY: the call is done, so this is an error, for the first time.
            Err(unsafe { error(&bytes[4..]) })
        });
    }

    /// # Safety
    ///
    /// `to` points to room for `len` bytes.
    pub(super) unsafe fn receive(
        &self,
        to: *mut u8,
        len: usize,
        peek: bool,
    ) -> Result<(usize, SocketAddr), c_int> {
        self.settle(true);
        let mut received = self.received.borrow_mut();
        match &*received {
            None => return Err(libc::EAGAIN),
            Some(Err(error)) => {
                let error = *error;
                *received = None;
                return Err(error);
            }
            Some(Ok(_)) => {}
        }
        let Some(Ok(datagram)) = &*received else {
            return Err(libc::EAGAIN);
        };
        let n = len.min(datagram.len);
        let from = datagram.from;
        if n > 0 {
            // SAFETY: neither side has fewer bytes.
            unsafe { std::ptr::copy_nonoverlapping(datagram.data, to, n) };
        }
        if !peek {
            *received = None;
        }
        Ok((n, from))
    }

    pub(super) fn local_address(&self) -> Result<Option<SocketAddr>, c_int> {
        if !self.bound.get() {
            return Ok(None);
        }
        // SAFETY: the handle is a socket's, and there is room for the result.
        call(|to| unsafe { udp::local_address(self.handle.0, to) }).map(|area| Some(area.address()))
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr, c_int> {
        // SAFETY: as above.
        call(|to| unsafe { udp::remote_address(self.handle.0, to) })
            .map(|area| area.address())
            .map_err(|_| libc::ENOTCONN)
    }

    pub(super) fn option(&self, option: Opt) -> Result<u64, c_int> {
        let handle = self.handle.0;
        // SAFETY: as above.
        let wide =
            |get: unsafe extern "C" fn(u32, *mut u8)| call_with(8, |to| unsafe { get(handle, to) });
        match option {
            // SAFETY: as above.
            Opt::HopLimit => call(|to| unsafe { udp::hop_limit(handle, to) })
                .map(|area| u64::from(area.number() as u8)),
            Opt::ReceiveBuffer => wide(udp::receive_buffer_size).map(|area| area.wide()),
            Opt::SendBuffer => wide(udp::send_buffer_size).map(|area| area.wide()),
            _ => Err(libc::ENOPROTOOPT),
        }
    }

    pub(super) fn set_option(&self, option: Opt, value: u64) -> Result<(), c_int> {
        let handle = self.handle.0;
        // SAFETY: as above.
        call(|to| unsafe {
            match option {
                Opt::HopLimit => udp::set_hop_limit(handle, value.min(256) as u32, to),
                Opt::ReceiveBuffer => udp::set_receive_buffer_size(handle, value, to),
                _ => udp::set_send_buffer_size(handle, value, to),
            }
        })
        .map(drop)
    }

    /// Whether an event may be there to be taken from the set.
    pub(super) fn is_pending(&self) -> bool {
        self.receiving.borrow().is_some() || self.sending.borrow().is_some()
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.settle(true);
        match &mut *self.receiving.borrow_mut() {
            Some(call) => call.poll(cx),
            None => Poll::Ready(()),
        }
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self.sending.borrow_mut() {
            Some(sending) => sending.call.poll(cx),
            None => Poll::Ready(()),
        }
    }

    pub(super) fn forget(&self) {
        if let Some(call) = &mut *self.receiving.borrow_mut() {
            call.forget();
        }
        if let Some(sending) = &mut *self.sending.borrow_mut() {
            sending.call.forget();
        }
    }
}

/// The result of a call that is done, which is lifted by this.
fn result(memory: &[u32]) -> Result<(), c_int> {
    let bytes: Vec<u8> = memory.iter().flat_map(|n| n.to_le_bytes()).collect();
    if bytes[0] == 0 {
        return Ok(());
    }
    // SAFETY: the callers pass the result of a call that is done, once.
    Err(unsafe { error(&bytes[4..]) })
}
