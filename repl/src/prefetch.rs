//! Asks the system for the parts of this executable that every start needs, all at once.
//!
//! Where the executable comes from the disk, a start would meet its pages one after the other, and the
//! system would read those around them too, most of which are never used: 56 MB in place of 20. What
//! is asked for here is read while the start goes on. Where it is in memory already, this costs
//! some 50 µs. Which functions these are, `link/order.ld` says.

use std::ffi::{c_int, c_void};

/// Where the linker has put what a start needs.
#[cfg(functions_ordered)]
mod ordered {
    unsafe extern "C" {
        pub static rhumba_engine_begin: u8;
        pub static rhumba_engine_end: u8;
        pub static rhumba_start_begin: u8;
        pub static rhumba_start_end: u8;
    }
}

/// Begins to read what a start needs.
pub fn begin() {
    #[cfg(functions_ordered)]
    {
        let start = (
            &raw const ordered::rhumba_start_begin,
            &raw const ordered::rhumba_start_end,
        );
        let engine = (
            &raw const ordered::rhumba_engine_begin,
            &raw const ordered::rhumba_engine_end,
        );
        for (begin, end) in [start, engine] {
            will_need(begin as usize, end as usize);
        }
    }
    // SAFETY: the function keeps to what it is called with.
    unsafe { libc::dl_iterate_phdr(Some(on_object), std::ptr::null_mut()) };
}

/// Asks for the constants of the first object that is loaded, which is the executable: they stand
/// between its beginning and what unwinding needs.
unsafe extern "C" fn on_object(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the loader gives a structure that is valid during the call, and its headers with it.
    let (base, headers) = unsafe {
        let object = &*object;
        let headers = std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into());
        (object.dlpi_addr as usize, headers)
    };
    let address_of = |wanted: u32| {
        let found = headers.iter().find(|header| header.p_type == wanted);
        found.map(|header| base + header.p_vaddr as usize)
    };
    if let (Some(begin), Some(end)) = (address_of(libc::PT_LOAD), address_of(libc::PT_GNU_EH_FRAME))
    {
        will_need(begin, end);
    }
    // The others are the system's libraries.
    1
}

fn will_need(begin: usize, end: usize) {
    const PAGE: usize = 4096;
    let begin = begin & !(PAGE - 1);
    if begin < end {
        // SAFETY: it touches nothing; a range that isn't mapped is refused.
        unsafe {
            libc::madvise(begin as *mut c_void, end - begin, libc::MADV_WILLNEED);
        }
    }
}
