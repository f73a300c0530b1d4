//! The plot: the time of a frame by the number of idle sockets.

use anyhow::Result;
use plotters::prelude::*;

use super::outcome::{MeasuredSection, rows};
use super::table::{CROWDS, Side, idle_frame};

const SIZE: (u32, u32) = (760, 460);

/// The lines, with colours that the colour-blind can distinguish (Okabe and Ito).
const LINES: [(Side, &str, RGBColor); 3] = [
    (Side::Engine, "engine", RGBColor(213, 94, 0)),
    (Side::Ours, "ours", RGBColor(0, 114, 178)),
    (Side::Group, "ours, through a group", RGBColor(0, 158, 115)),
];

/// The plot as SVG.
pub fn svg(sections: &[MeasuredSection]) -> Result<String> {
    let lines = LINES.map(|(side, name, colour)| (points(sections, side), name, colour));
    let times = lines
        .iter()
        .flat_map(|(points, ..)| points.iter().map(|point| point.1));
    let (least, most) = times.fold((f64::INFINITY, 0.0_f64), |(least, most), time| {
        (least.min(time), most.max(time))
    });
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        // An opaque background: the text is black, and the page may be dark.
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("A frame over idle sockets", ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(45)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (10_u32..10_000).log_scale(),
                (least / 2.0..most * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc("sockets")
            .y_desc("time per frame, µs")
            .light_line_style(WHITE)
            .y_label_formatter(&|time| time.to_string())
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for (points, name, colour) in lines.into_iter().filter(|line| !line.0.is_empty()) {
            chart
                .draw_series(LineSeries::new(
                    points.iter().copied(),
                    colour.stroke_width(2),
                ))?
                .label(name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2))
                });
            chart.draw_series(
                points
                    .iter()
                    .map(|point| Circle::new(*point, 4, colour.filled())),
            )?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 15))
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// Sockets and microseconds.
fn points(sections: &[MeasuredSection], side: Side) -> Vec<(u32, f64)> {
    let time = |sockets: u32| {
        let name = idle_frame(sockets);
        let row = rows(sections).find(|measured| measured.row.name == name)?;
        Some((sockets, row.sides.get(&side)?.median))
    };
    CROWDS.into_iter().filter_map(time).collect()
}
