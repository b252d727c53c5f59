//! XML as values: an element is an object of its children, or its text; children of one name are an array. Attributes are left out.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Elements within each other at most.
const DEPTH: usize = 32;

/// A document, as an object with its root; none for what is no XML.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::from_str(std::str::from_utf8(bytes).ok()?);
    let mut open: Vec<(String, Map<String, Value>, String)> = vec![Default::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                let name = String::from_utf8(element.local_name().as_ref().to_vec()).ok()?;
                open.push((name, Map::new(), String::new()));
                if open.len() > DEPTH {
                    return None;
                }
            }
            Event::Empty(element) => {
                let name = String::from_utf8(element.local_name().as_ref().to_vec()).ok()?;
                add(&mut open.last_mut()?.1, name, Value::String(String::new()));
            }
            Event::Text(text) => open.last_mut()?.2 += &text.decode().ok()?,
            Event::CData(text) => open.last_mut()?.2 += &text.decode().ok()?,
            Event::GeneralRef(name) => {
                let text = &mut open.last_mut()?.2;
                match name.resolve_char_ref().ok()? {
                    Some(letter) => text.push(letter),
                    None => *text += resolve_predefined_entity(&name.decode().ok()?)?,
                }
            }
            Event::End(_) => {
                let (name, children, text) = open.pop()?;
                let value = if children.is_empty() {
                    Value::String(text)
                } else {
                    children.into()
                };
                add(&mut open.last_mut()?.1, name, value);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let (_, root, _) = open.pop().filter(|_| open.is_empty())?;
    (!root.is_empty()).then(|| root.into())
}

/// Another child of an element.
fn add(children: &mut Map<String, Value>, name: String, value: Value) {
    match children.get_mut(&name) {
        None => drop(children.insert(name, value)),
        Some(Value::Array(rows)) => rows.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// Children of one name, of which there may be one, or none.
#[must_use]
pub fn rows<'a>(parent: &'a Value, name: &str) -> Vec<&'a Value> {
    match &parent[name] {
        Value::Null => Vec::new(),
        Value::Array(rows) => rows.iter().collect(),
        one => vec![one],
    }
}

/// The same values as XML: what the fault server says.
pub(crate) fn write(value: &Value) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        written(value)
    )
}

fn written(value: &Value) -> String {
    match value {
        Value::Object(children) => {
            let each = children.iter().map(|(name, its)| match its {
                Value::Array(rows) => rows.iter().map(|row| element(name, row)).collect(),
                one => element(name, one),
            });
            each.collect::<Vec<String>>().concat()
        }
        Value::String(text) => quick_xml::escape::escape(text.as_str()).into_owned(),
        other => other.to_string(),
    }
}

fn element(name: &str, value: &Value) -> String {
    format!("<{name}>{}</{name}>", written(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_an_object_and_what_comes_twice_an_array() {
        let text =
            "<?xml version=\"1.0\"?><A xmlns=\"x\"><B>1 &amp; &#50;</B><B>&quot;</B><C/></A>";
        let expected = json!({"A": {"B": ["1 & 2", "\""], "C": ""}});
        assert_eq!(read(text.as_bytes()), Some(expected.clone()));
        assert_eq!(read(write(&expected).as_bytes()), Some(expected));
    }

    #[test]
    fn what_is_no_document_is_none() {
        let deep = "<a>".repeat(100);
        for text in [
            "",
            "{}",
            "<A>",
            "<A></B>",
            "<A>&unknown;</A>",
            deep.as_str(),
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text:.20}");
        }
    }
}
