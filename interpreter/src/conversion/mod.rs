//! Values of Rust as Python objects and back, by way of serde.
//!
//! A struct becomes a dict, a sequence a list, a tuple a tuple, bytes stay bytes. What comes back
//! is checked against the type that is wanted, and what doesn't fit is named by its place. Depth
//! and count are bounded. Classes, functions and shared references don't go this way: they are
//! [`crate::snapshot`]'s.

mod from_python;
mod into_python;

use std::fmt::{self, Display};

use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};
use serde::Serialize;
use serde::de::{DeserializeOwned, Expected, Unexpected};

/// Containers inside of containers are converted to this depth.
const DEPTH_MAX: u32 = 100;
/// As many values are converted at once.
const VALUES_MAX: usize = 16 << 20;

/// Why a value can't be converted: a sentence, with the place in the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionError {
    message: String,
    /// The place, outermost step last: `['x']`, `[3]`.
    path: Vec<String>,
}

impl ConversionError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: Vec::new(),
        }
    }

    fn too_deep() -> Self {
        Self::new(format!(
            "the value is nested deeper than {DEPTH_MAX} levels"
        ))
    }

    fn too_many() -> Self {
        Self::new(format!("the value has more than {VALUES_MAX} parts"))
    }

    fn within(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }
}

impl Display for ConversionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            formatter.write_str("at ")?;
            for step in self.path.iter().rev() {
                formatter.write_str(step)?;
            }
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ConversionError {}

impl serde::ser::Error for ConversionError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for ConversionError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!(
            "{} is wanted, not {}",
            in_words(&wanted.to_string()),
            given_in_words(given)
        ))
    }

    fn invalid_value(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!(
            "{} is no value for {}",
            given_in_words(given),
            in_words(&wanted.to_string())
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("{field:?} is missing"))
    }
}

/// What a type of Rust is called for people who don't know Rust.
fn in_words(wanted: &str) -> String {
    match wanted {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => {
            let bits = wanted.trim_start_matches(['i', 'u']);
            let bits = if bits == "size" { "64" } else { bits };
            let sign = if wanted.starts_with('u') {
                "an integer from 0 on"
            } else {
                "an integer"
            };
            format!("{sign} of {bits} bits")
        }
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "True or False".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a dict".to_owned(),
        "unit" => "None".to_owned(),
        other => match other.strip_prefix("struct ") {
            Some(_) => "a dict with its fields".to_owned(),
            None => other.to_owned(),
        },
    }
}

fn given_in_words(given: Unexpected<'_>) -> String {
    match given {
        Unexpected::Bool(true) => "True".to_owned(),
        Unexpected::Bool(false) => "False".to_owned(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => {
            let shown: String = text.chars().take(40).collect();
            format!("the text {shown:?}")
        }
        Unexpected::Bytes(_) => "bytes".to_owned(),
        Unexpected::Unit | Unexpected::Option => "None".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a dict".to_owned(),
        other => other.to_string(),
    }
}

/// Makes a Python object of a value.
///
/// # Errors
/// The value is nested too deeply or too large, or can't be described by its type.
pub fn to_python<T: Serialize + ?Sized>(
    vm: &VirtualMachine,
    value: &T,
) -> Result<PyObjectRef, ConversionError> {
    let count = std::cell::Cell::new(0);
    value.serialize(into_python::Writer::new(vm, &count))
}

/// Makes a value of a Python object.
///
/// # Errors
/// The object doesn't fit the type; it is told where.
pub fn from_python<T: DeserializeOwned>(
    vm: &VirtualMachine,
    object: &PyObject,
) -> Result<T, ConversionError> {
    let count = std::cell::Cell::new(0);
    T::deserialize(from_python::Reader::new(vm, object.to_owned(), &count))
}
