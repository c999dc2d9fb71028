//! Questions as SQL: what records are asked by, and what is selected of them.
//!
//! Every value is a bound parameter; only what is written here becomes SQL. What
//! isn't there compares with nothing, but is unequal to everything else.

use super::error::TaskStoreError;
use super::writer::Book;
use rhumba_proto::record::{Operator, PieceName, Step, Value};
use rusqlite::types::Value as Sql;
use std::collections::BTreeSet;

/// Where rows and what their keys name come from.
pub(super) const FROM: &str = "
    FROM pieces AS p JOIN sessions AS s USING (session)
        LEFT JOIN clients AS c USING (session, client)
        LEFT JOIN functions AS f USING (function)";

/// More steps are no question of a person.
const STEPS_MAX: usize = 10_000;

/// As many values as SQLite takes in one question.
const VALUES_MAX: usize = 32_766;

/// What kind of thing a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// Microseconds since 1970-01-01 UTC.
    Time,
    /// A JSON list of texts.
    List,
    /// JSON of its own form, for selecting only.
    Form,
    Payload,
}

/// Something that is known of a piece.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) sql: &'static str,
}

const fn key(name: &'static str, kind: Kind, sql: &'static str) -> Key {
    Key { name, kind, sql }
}

/// Everything that can be asked by or for.
pub(super) const KEYS: [Key; 32] = [
    key(
        "msg_id",
        Kind::Text,
        "s.name || '-' || p.client || '_' || p.request
            || CASE WHEN p.is_part THEN '.' || p.target ELSE '' END",
    ),
    key("client_uuid", Kind::Text, "s.name || '-' || p.client"),
    key("client", Kind::Text, "c.name"),
    key("kind", Kind::Text, "p.kind"),
    key(
        "queue",
        Kind::Text,
        "CASE WHEN p.target IS NULL THEN 'task' ELSE 'mux' END",
    ),
    key("function", Kind::Text, "f.name"),
    key("execute_input", Kind::Text, "p.code"),
    key("label", Kind::Text, "p.label"),
    key("engine_id", Kind::Number, "coalesce(p.engine, p.target)"),
    key(
        "engine_uuid",
        Kind::Text,
        "'engine-' || coalesce(p.engine, p.target)",
    ),
    key("submitted", Kind::Time, "p.submitted_us"),
    key("started", Kind::Time, "p.started_us"),
    key("completed", Kind::Time, "p.completed_us"),
    key("received", Kind::Time, "p.received_us"),
    key("status", Kind::Text, "p.status"),
    key("error", Kind::Text, "p.ename || ': ' || p.evalue"),
    key("ename", Kind::Text, "p.ename"),
    key("evalue", Kind::Text, "p.evalue"),
    key("traceback", Kind::Text, "p.traceback"),
    key("after", Kind::List, "p.after"),
    key("follow", Kind::List, "p.follow"),
    key("retries", Kind::Number, "p.retries"),
    key("resubmitted", Kind::Text, "p.resubmitted"),
    key("arguments_bytes", Kind::Number, "p.arguments_bytes"),
    key("result_bytes", Kind::Number, "p.result_bytes"),
    key(
        "stdout",
        Kind::Text,
        "(SELECT group_concat(text, '') FROM (SELECT text FROM outputs WHERE piece = p.id AND kind = 'stdout' ORDER BY number))",
    ),
    key(
        "stderr",
        Kind::Text,
        "(SELECT group_concat(text, '') FROM (SELECT text FROM outputs WHERE piece = p.id AND kind = 'stderr' ORDER BY number))",
    ),
    key(
        "outputs",
        Kind::Form,
        "(SELECT nullif(json_group_array(json(text)), '[]') FROM (SELECT text FROM outputs WHERE piece = p.id AND kind = 'display' ORDER BY number))",
    ),
    key(
        "execute_result",
        Kind::Form,
        "(SELECT text FROM outputs WHERE piece = p.id AND kind = 'result' ORDER BY number LIMIT 1)",
    ),
    key("id", Kind::Number, "p.id"),
    key("buffers", Kind::Payload, "p.arguments"),
    key("result_buffers", Kind::Payload, "p.result"),
];

/// Returns what a key stands for.
pub(super) fn find(name: &str) -> Result<&'static Key, TaskStoreError> {
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
        let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        TaskStoreError::Question(format!(
            "records have no {name:?}: they have {}",
            known.join(", ")
        ))
    })
}

/// A condition and its parameters.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) parameters: Vec<Sql>,
}

/// Returns the condition under which a row passes all of these steps.
pub(super) fn condition(book: &Book, steps: &[Step]) -> Result<Condition, TaskStoreError> {
    if steps.len() > STEPS_MAX {
        return Err(question(format!("a filter has at most {STEPS_MAX} steps")));
    }
    let mut stack: Vec<String> = Vec::new();
    let mut parameters = Vec::new();
    for step in steps {
        match step {
            Step::Compare {
                key,
                operator,
                values,
            } => {
                let sql = compare(book, find(key)?, *operator, values, &mut parameters)?;
                stack.push(sql);
            }
            Step::And(count) => combine(&mut stack, *count, " AND ", "1")?,
            Step::Or(count) => combine(&mut stack, *count, " OR ", "0")?,
            Step::Not => {
                let last = stack.pop().ok_or_else(nothing)?;
                stack.push(format!("NOT ({last})"));
            }
        }
    }
    let count = u32::try_from(stack.len()).unwrap_or(u32::MAX);
    combine(&mut stack, count, " AND ", "1")?;
    if parameters.len() > VALUES_MAX {
        return Err(question(format!(
            "a filter compares with at most {VALUES_MAX} values, and this one with {}: ask \
             several times, each time with some of them",
            parameters.len()
        )));
    }
    Ok(Condition {
        sql: stack.pop().unwrap_or_default(),
        parameters,
    })
}

fn question(message: String) -> TaskStoreError {
    TaskStoreError::Question(message)
}

fn nothing() -> TaskStoreError {
    question("a filter combines more conditions than it has".to_owned())
}

/// Combines the latest conditions into one. Balanced, as SQLite nests no deeper
/// than a thousand levels.
fn combine(
    stack: &mut Vec<String>,
    count: u32,
    word: &str,
    of_none: &str,
) -> Result<(), TaskStoreError> {
    let from = stack
        .len()
        .checked_sub(count as usize)
        .ok_or_else(nothing)?;
    let mut conditions = stack.split_off(from);
    if conditions.is_empty() {
        conditions.push(of_none.to_owned());
    }
    while conditions.len() > 1 {
        let pairs = conditions.chunks(2);
        conditions = pairs
            .map(|pair| match pair {
                [first, second] => format!("({first}{word}{second})"),
                _ => pair[0].clone(),
            })
            .collect();
    }
    stack.extend(conditions);
    Ok(())
}

fn compare(
    book: &Book,
    key: &Key,
    operator: Operator,
    values: &[Value],
    parameters: &mut Vec<Sql>,
) -> Result<String, TaskStoreError> {
    let sql = format!("({})", key.sql);
    let is_for_nothing = || {
        let can_be = matches!(operator, Operator::Equal | Operator::In);
        can_be && values.iter().all(|value| *value == Value::None)
    };
    if matches!(key.kind, Kind::Payload | Kind::Form)
        && operator != Operator::Exists
        && !is_for_nothing()
    {
        return Err(question(format!(
            "records can't be found by {:?}, only by whether there is one",
            key.name
        )));
    }
    let one = || match values {
        [value] => Ok(value),
        _ => Err(question(format!("{:?} compares with one value", key.name))),
    };
    match operator {
        Operator::In => return among(book, key, values, parameters),
        Operator::Equal if key.name == "msg_id" => return among(book, key, values, parameters),
        Operator::Exists => {
            let is_wanted = !matches!(one()?, Value::None | Value::Int(0));
            let not = if is_wanted { " NOT" } else { "" };
            return Ok(format!("{sql} IS{not} NULL"));
        }
        Operator::Remainder => {
            let [Value::Int(divisor), Value::Int(remainder)] = values else {
                return Err(question(
                    "$mod takes a divisor and a remainder, both whole numbers".to_owned(),
                ));
            };
            if *divisor == 0 || !matches!(key.kind, Kind::Number) {
                return Err(question(format!(
                    "{:?} has no remainder by {divisor}",
                    key.name
                )));
            }
            parameters.extend([Sql::Integer(*divisor), Sql::Integer(*remainder)]);
            return Ok(format!("coalesce({sql} % ? = ?, 0)"));
        }
        Operator::All => return all_of(key, &sql, values, parameters),
        Operator::Glob => {
            let (Kind::Text, Value::Text(pattern)) = (key.kind, one()?) else {
                return Err(mismatch(key, one()?));
            };
            parameters.push(Sql::Text(pattern.clone()));
            return Ok(format!("coalesce({sql} GLOB ?, 0)"));
        }
        _ => {}
    }
    let value = bound(key, one()?)?;
    let word = match operator {
        Operator::Equal => " IS ?",
        Operator::Less => " < ?",
        Operator::LessOrEqual => " <= ?",
        Operator::Greater => " > ?",
        _ => " >= ?",
    };
    parameters.push(value);
    match operator {
        Operator::Equal => Ok(format!("{sql}{word}")),
        _ => Ok(format!("coalesce({sql}{word}, 0)")),
    }
}

/// It is one of these. Names are looked up, which takes no look at other rows.
fn among(
    book: &Book,
    key: &Key,
    values: &[Value],
    parameters: &mut Vec<Sql>,
) -> Result<String, TaskStoreError> {
    if key.name == "msg_id" {
        let mut rows = BTreeSet::new();
        for value in values {
            match value {
                Value::Text(name) => rows.extend(rows_named(book, name)?),
                Value::None => {}
                _ => return Err(mismatch(key, value)),
            }
        }
        let rows: Vec<String> = rows.iter().map(i64::to_string).collect();
        return Ok(format!("p.id IN ({})", rows.join(",")));
    }
    let has_none = values.contains(&Value::None);
    let mut marks = Vec::new();
    for value in values.iter().filter(|value| **value != Value::None) {
        parameters.push(bound(key, value)?);
        marks.push("?");
    }
    let sql = key.sql;
    // Nothing is in no list, and NULL in one that is empty neither.
    let or_none = match has_none {
        true => format!(" OR ({sql}) IS NULL"),
        false => String::new(),
    };
    Ok(format!(
        "(coalesce(({sql}) IN ({}), 0){or_none})",
        marks.join(",")
    ))
}

/// Each of these is in it; what is no list has itself in it.
fn all_of(
    key: &Key,
    sql: &str,
    values: &[Value],
    parameters: &mut Vec<Sql>,
) -> Result<String, TaskStoreError> {
    let mut conditions = vec!["1".to_owned()];
    for value in values {
        let value = match key.kind {
            Kind::List => match value {
                Value::Text(text) => Sql::Text(text.clone()),
                other => return Err(mismatch(key, other)),
            },
            _ => bound(key, value)?,
        };
        parameters.push(value);
        conditions.push(match key.kind {
            Kind::List => format!("? IN (SELECT value FROM json_each({sql}))"),
            _ => format!("{sql} IS ?"),
        });
    }
    let mut stack = conditions;
    let count = u32::try_from(stack.len()).unwrap_or(u32::MAX);
    combine(&mut stack, count, " AND ", "1")?;
    Ok(stack.pop().unwrap_or_default())
}

/// Returns a value as it is compared with what a key stands for.
fn bound(key: &Key, value: &Value) -> Result<Sql, TaskStoreError> {
    match (key.kind, value) {
        (_, Value::None) => Ok(Sql::Null),
        (Kind::Text, Value::Text(text)) => Ok(Sql::Text(text.clone())),
        (Kind::Number | Kind::Time, Value::Int(number)) => Ok(Sql::Integer(*number)),
        (Kind::Number | Kind::Time, Value::Float(number)) => Ok(Sql::Real(*number)),
        (Kind::List, Value::Text(text)) => {
            // A list is compared as it is written.
            Ok(Sql::Text(text.clone()))
        }
        _ => Err(mismatch(key, value)),
    }
}

fn mismatch(key: &Key, value: &Value) -> TaskStoreError {
    let wanted = match key.kind {
        Kind::Text | Kind::List => "a text",
        Kind::Number => "a number",
        Kind::Time => "a datetime",
        Kind::Form | Kind::Payload => "nothing",
    };
    let given = match value {
        Value::None => "nothing".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Buffers { .. } => "data".to_owned(),
    };
    question(format!(
        "{:?} compares with {wanted}, not with {given}",
        key.name
    ))
}

/// Returns the rows that a name means: one, or none.
pub(super) fn rows_named(book: &Book, name: &str) -> Result<Option<i64>, TaskStoreError> {
    match PieceName::parse(name, &book.session_name) {
        Some(piece) => row_of(book, &piece, true),
        None => Ok(None),
    }
}

/// Returns the row of a piece. A request of several pieces isn't one, unless
/// that doesn't matter (`is_exact` is false): then it is its first.
pub(super) fn row_of(
    book: &Book,
    piece: &PieceName,
    is_exact: bool,
) -> Result<Option<i64>, TaskStoreError> {
    let connection = &book.database.connection;
    let session = match &piece.session {
        None => Some(book.session),
        Some(name) => {
            let mut select =
                connection.prepare_cached("SELECT session FROM sessions WHERE name = ?")?;
            let mut rows = select.query_map([name], |row| row.get(0))?;
            rows.next().transpose()?
        }
    };
    let Some(session) = session else {
        return Ok(None);
    };
    let request = i64::try_from(piece.task.request.0).unwrap_or(-1);
    let target = piece.engine.map(|engine| i64::from(engine.0));
    let mut select = connection.prepare_cached(
        "SELECT id, is_part, target FROM pieces
            WHERE session = ? AND client = ? AND request = ? ORDER BY id",
    )?;
    let rows = select.query_map(
        rusqlite::params![session, piece.task.client.0, request],
        |row| {
            Ok((
                row.get(0)?,
                row.get::<_, bool>(1)?,
                row.get::<_, Option<i64>>(2)?,
            ))
        },
    )?;
    for row in rows {
        let (id, is_part, there) = row?;
        let is_named = match target {
            Some(_) => there == target && (is_part || !is_exact),
            None => !is_part || !is_exact,
        };
        if is_named {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
