//! The order of functions in the executable: those that engines call are beside each other.
//!
//! Their names are listed in `link/order.ld`, which `link/renew.py` writes. Names change with the
//! toolchain and the runtime; this sees when too few of them mean anything.

/// Less than half of what the listed functions took when they were listed.
const LEAST_BYTES: u64 = 1_500_000;

/// The size of a section of an executable; none if there is no such section.
fn section_bytes(executable: &[u8], wanted: &str) -> Option<u64> {
    let number = |at: usize, bytes: usize| {
        let mut value = [0; 8];
        value[..bytes].copy_from_slice(&executable[at..at + bytes]);
        u64::from_le_bytes(value)
    };
    let offset = |at: usize| usize::try_from(number(at, 8)).expect("a file fits into memory");
    // The fields of ELF's 64-bit headers, at their places.
    let (table, entry_bytes, count) = (offset(0x28), number(0x3a, 2), number(0x3c, 2));
    let entry =
        |index: u64| table + usize::try_from(index * entry_bytes).expect("a file fits into memory");
    let names = offset(entry(number(0x3e, 2)) + 0x18);
    (0..count).map(entry).find_map(|entry| {
        let name = names + usize::try_from(number(entry, 4)).expect("a name is in the file");
        let is_wanted = executable[name..].starts_with(format!("{wanted}\0").as_bytes());
        is_wanted.then(|| number(entry + 0x20, 8))
    })
}

#[test]
fn functions_that_engines_call_are_beside_each_other() {
    if option_env!("RHUMBA_FUNCTIONS_ORDERED").is_none() {
        println!("this linker can't order functions, as the build said: nothing to look at");
        return;
    }
    let executable = std::fs::read(env!("CARGO_BIN_EXE_rhumba")).expect("it can be read");
    for section in [".text.engine", ".text.start"] {
        let found = section_bytes(&executable, section).expect("the linker made the section");
        assert!(
            found > LEAST_BYTES,
            "{section} has {found} bytes only: most names in link/order.ld mean nothing any more; \
             `python3 repl/link/renew.py target/debug/rhumba` finds them anew"
        );
    }
}
