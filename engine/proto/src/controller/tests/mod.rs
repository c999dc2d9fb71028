//! What the rules say, one test each.
