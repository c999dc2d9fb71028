//! Asks the system for the parts of this executable that every start needs, all at once.
//!
//! Where the executable comes from the disk, a start would meet its pages one after the other, and the
//! system would read those around them too, most of which are never used. What is asked for here is
//! read while the start goes on. Where it is in memory already, this costs some 50 µs. Which functions
//! these are, `link/order.ld` says; without its order this does nothing.

#[cfg(functions_ordered)]
mod ordered {
    // Where the linker has put what a start needs; the first is where the executable begins.
    unsafe extern "C" {
        pub static __ehdr_start: u8;
        pub static rhumba_constants_end: u8;
        pub static rhumba_engine_begin: u8;
        pub static rhumba_engine_end: u8;
        pub static rhumba_start_begin: u8;
        pub static rhumba_start_end: u8;
    }

    /// The loader calls it before anything else of the executable, which needs much of it already.
    #[used]
    #[unsafe(link_section = ".preinit_array")]
    static BEGIN: extern "C" fn() = begin;

    /// Begins to read what a start needs. Nothing of the standard library, and little of that of C,
    /// is set up by then.
    extern "C" fn begin() {
        let parts = [
            (&raw const rhumba_start_begin, &raw const rhumba_start_end),
            (&raw const rhumba_engine_begin, &raw const rhumba_engine_end),
            // Constants are the first of it.
            (&raw const __ehdr_start, &raw const rhumba_constants_end),
        ];
        for (begin, end) in parts {
            will_need(begin as usize, end as usize);
        }
    }

    fn will_need(begin: usize, end: usize) {
        const PAGE: usize = 4096;
        let begin = begin & !(PAGE - 1);
        // SAFETY: it touches nothing; a range that isn't mapped is refused.
        unsafe {
            libc::madvise(begin as *mut _, end - begin, libc::MADV_WILLNEED);
        }
    }
}
