//! What a picture is drawn with.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::words::clean;

const FONT: &str =
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";
pub(crate) const INK: &str = "#1f2933";
pub(crate) const FAINT: &str = "#66717d";
pub(crate) const LINE: &str = "#d5dae0";

/// Writes the elements of a picture, in their order.
pub(crate) struct Pen(Writer<Vec<u8>>);

/// Left, top, width and height.
pub(crate) type Area = (usize, usize, usize, usize);

/// How a text is set.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    pub(crate) size: usize,
    pub(crate) fill: &'static str,
    pub(crate) anchor: &'static str,
    pub(crate) weight: &'static str,
}

pub(crate) const TITLE: Type = Type { size: 17, fill: INK, anchor: "start", weight: "600" };
pub(crate) const PLAIN: Type = Type { size: 13, fill: INK, anchor: "start", weight: "400" };
pub(crate) const SMALL: Type = Type { size: 11, fill: FAINT, anchor: "start", weight: "400" };
pub(crate) const CENTERED: Type = Type { size: 11, fill: FAINT, anchor: "middle", weight: "400" };

impl Pen {
    /// An empty sheet of so many pixels across and down.
    pub(crate) fn sheet((width, height): (usize, usize)) -> io::Result<Self> {
        let mut pen = Self(Writer::new_with_indent(Vec::new(), b' ', 1));
        pen.open(
            "svg",
            &[
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("width", &width.to_string()),
                ("height", &height.to_string()),
                ("viewBox", &format!("0 0 {width} {height}")),
                ("font-family", FONT),
                ("role", "img"),
            ],
        )?;
        Ok(pen)
    }

    /// The picture.
    pub(crate) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.close("svg")?;
        let mut picture = self.0.into_inner();
        picture.push(b'\n');
        Ok(picture)
    }

    pub(crate) fn rect(
        &mut self,
        (x, y, width, height): Area,
        fill: &str,
        radius: usize,
        tooltip: Option<&str>,
    ) -> io::Result<()> {
        let (x, y, radius) = (x.to_string(), y.to_string(), radius.to_string());
        let (width, height) = (width.to_string(), height.to_string());
        let attributes = [
            ("x", &*x),
            ("y", &*y),
            ("width", &*width),
            ("height", &*height),
            ("rx", &*radius),
            ("fill", fill),
        ];
        let Some(tooltip) = tooltip else { return self.empty("rect", &attributes) };
        self.open("rect", &attributes)?;
        self.tooltip(tooltip)?;
        self.close("rect")
    }

    pub(crate) fn line(
        &mut self,
        (x1, y1, x2, y2): (usize, usize, usize, usize),
        stroke: &str,
        width: usize,
        dashes: &str,
    ) -> io::Result<()> {
        let numbers = [x1, y1, x2, y2, width].map(|number| number.to_string());
        let [x1, y1, x2, y2, width] = &numbers;
        let attributes =
            [("x1", &**x1), ("y1", y1), ("x2", x2), ("y2", y2), ("stroke", stroke), ("stroke-width", width)];
        let dashed = [("stroke-dasharray", dashes)];
        self.empty("line", &[&attributes[..], if dashes.is_empty() { &[] } else { &dashed }].concat())
    }

    pub(crate) fn text(&mut self, (x, y): (usize, usize), text: &str, style: Type) -> io::Result<()> {
        let (x, y, size) = (x.to_string(), y.to_string(), style.size.to_string());
        let start = BytesStart::new("text").with_attributes([
            ("x", &*x),
            ("y", &*y),
            ("font-size", &*size),
            ("fill", style.fill),
            ("text-anchor", style.anchor),
            ("font-weight", style.weight),
        ]);
        self.0.write_event(Event::Start(start))?;
        self.0.write_event(Event::Text(BytesText::new(&clean(text))))?;
        self.close("text")
    }

    pub(crate) fn tooltip(&mut self, text: &str) -> io::Result<()> {
        self.0.create_element("title").write_text_content(BytesText::new(&clean(text)))?;
        Ok(())
    }

    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start))
    }

    pub(crate) fn close(&mut self, name: &str) -> io::Result<()> {
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        let element = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.0.write_event(Event::Empty(element))
    }
}
