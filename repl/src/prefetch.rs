//! Asks the system for the parts of this executable that every start needs, all at once.
//!
//! Where the executable comes from the disk, a start would meet its pages one after the other, and the
//! system would read those around them too, most of which are never used. What is asked for here is
//! read while the start goes on, and until that is over ([`end`]) nothing around other pages. Where it is
//! in memory already, this costs some 50 µs. Which functions these are, `link/order.ld` says; without its
//! order this does nothing.

/// Lets the system read what is around a page again. Who doesn't call it pays some 0.1 ms for each page
/// that is met for the first time and was not asked for.
pub fn end() {
    #[cfg(functions_ordered)]
    ordered::read_around();
}

#[cfg(functions_ordered)]
mod ordered {
    // Where the linker has put what a start needs; the first is where the executable begins, the last
    // where it ends.
    unsafe extern "C" {
        static __ehdr_start: u8;
        static rhumba_constants_end: u8;
        static rhumba_engine_begin: u8;
        static rhumba_engine_end: u8;
        static rhumba_start_begin: u8;
        static rhumba_start_end: u8;
        static _edata: u8;
    }

    /// Keeps what the loader looks at out of the second to fourth page of the file. The system has read
    /// these with the first, and marked the second: who touches it has 8 MB read of what is behind what
    /// is read already, before anything else that was asked for.
    #[used]
    #[unsafe(link_section = ".note.rhumba.gap")]
    static GAP: Note = Note {
        name_bytes: 7,
        content_bytes: GAP_BYTES as u32,
        kind: 1,
        name: *b"rhumba\0\0",
        content: [0; GAP_BYTES],
    };

    /// Four pages: where in the first one it begins isn't known.
    const GAP_BYTES: usize = 4 * 4096;

    /// What a note of an executable is made of: notes come first in the file.
    #[repr(C)]
    struct Note {
        name_bytes: u32,
        content_bytes: u32,
        kind: u32,
        name: [u8; 8],
        content: [u8; GAP_BYTES],
    }

    /// The loader calls it before anything else of the executable, which needs much of it already.
    #[used]
    #[unsafe(link_section = ".preinit_array")]
    static BEGIN: extern "C" fn() = begin;

    /// Begins to read what a start needs. Nothing of the standard library, and little of that of C,
    /// is set up by then.
    #[unsafe(link_section = ".text.prefetch")]
    extern "C" fn begin() {
        let parts = [
            (&raw const rhumba_start_begin, &raw const rhumba_start_end),
            (&raw const rhumba_engine_begin, &raw const rhumba_engine_end),
            // Constants are the first of it.
            (&raw const __ehdr_start, &raw const rhumba_constants_end),
        ];
        for (begin, end) in parts {
            advise(begin as usize, end as usize, libc::MADV_WILLNEED);
        }
        // Pages that were read around others ask for what is behind them as soon as they are used.
        advise_all(libc::MADV_RANDOM);
    }

    pub fn read_around() {
        advise_all(libc::MADV_NORMAL);
    }

    #[unsafe(link_section = ".text.prefetch")]
    #[inline(never)]
    fn advise_all(advice: i32) {
        let (begin, end) = (&raw const __ehdr_start, &raw const _edata);
        advise(begin as usize, end as usize, advice);
    }

    #[unsafe(link_section = ".text.prefetch")]
    #[inline(never)]
    fn advise(begin: usize, end: usize, advice: i32) {
        const PAGE: usize = 4096;
        let begin = begin & !(PAGE - 1);
        // SAFETY: it touches nothing; what of a range isn't mapped is passed over.
        unsafe {
            libc::madvise(begin as *mut _, end - begin, advice);
        }
    }
}
