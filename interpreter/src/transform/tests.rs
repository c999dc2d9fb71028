//! Tables of cells and what they become.
