//! Charts as SVG.

use hub_core::api::UsageStep;
use hub_core::exit::Exit;
use plotters::prelude::{
    AreaSeries, ChartBuilder, Color, IntoDrawingArea, LineSeries, RGBColor, Rectangle, SVGBackend,
};
use plotters::style::{IntoFont, WHITE};

use crate::error::{Failure, Result};

/// In the units of the drawing; the page scales it.
const SIZE: (u32, u32) = (720, 240);

/// A line, its colour and its values, one a day.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) color: RGBColor,
    pub(super) values: Vec<f64>,
    /// Filled below.
    pub(super) filled: bool,
}

/// Lines over the days of a series; `unit` comes after each number at the axis.
pub(super) fn over_time(days: &[UsageStep], lines: &[Line<'_>], unit: &str) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg, days, lines, unit).map_err(|error| {
        Failure::new(Exit::Bug, "bug", format!("a chart cannot be drawn: {error}"))
    })?;
    Ok(scaled(&svg, &described(lines)))
}

fn described(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| line.name).collect::<Vec<_>>().join(" and ")
}

fn draw(
    svg: &mut String,
    days: &[UsageStep],
    lines: &[Line<'_>],
    unit: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let last = days.len().saturating_sub(1).max(1);
    let greatest = lines.iter().flat_map(|line| &line.values).copied().fold(0.0, f64::max);
    let top = if greatest > 0.0 { greatest * 1.1 } else { 1.0 };
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(0..last, 0.0..top)?;
    let day = |at: &usize| {
        days.get(*at).map_or_else(String::new, |day| day.at.to_string()[5..10].to_owned())
    };
    let amount = |n: &f64| format!("{}{unit}", short(*n));
    let font = ("sans-serif", 12).into_font();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(RGBColor(238, 238, 238))
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(150, 150, 150))
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&day)
        .y_label_formatter(&amount)
        .label_style(font)
        .draw()?;
    for line in lines {
        let points = || line.values.iter().copied().enumerate();
        if line.filled {
            let below = AreaSeries::new(points(), 0.0, line.color.mix(0.2));
            chart.draw_series(below.border_style(line.color.stroke_width(2)))?;
        } else {
            chart.draw_series(LineSeries::new(points(), line.color.stroke_width(2)))?;
        }
        // One day alone makes no line.
        if let [only] = line.values.as_slice() {
            let dot = Rectangle::new([(0, *only), (1, 0.0)], line.color.mix(0.6).filled());
            chart.draw_series([dot])?;
        }
    }
    drop(chart);
    root.present()?;
    Ok(())
}

/// A number at an axis.
fn short(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.1}G", n / 1e9),
        n if n >= 1e6 => format!("{:.1}M", n / 1e6),
        n if n >= 1e4 => format!("{:.0}k", n / 1e3),
        n if n >= 10.0 || n == 0.0 => format!("{n:.0}"),
        n => format!("{n:.1}"),
    }
}

/// The drawing, as wide as the page lets it be, and with words for who cannot see it.
fn scaled(svg: &str, title: &str) -> String {
    let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
    let (width, height) = SIZE;
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title} a day\" \
         xmlns=\"http://www.w3.org/2000/svg\">{inner}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_one_scalable_drawing() {
        let days: Vec<UsageStep> = serde_json::from_value(serde_json::json!([
            {"at": "2026-11-01T00:00:00Z", "calls": 10, "errors": 1, "duration_ms_mean": null,
             "instances": 2, "complete": true},
            {"at": "2026-11-02T00:00:00Z", "calls": 30, "errors": 0, "duration_ms_mean": null,
             "instances": 3, "complete": false}
        ]))
        .unwrap();
        for days in [&days[..], &days[..1], &[]] {
            let values = days.iter().map(|day| if day.calls > 0 { 1.5 } else { 0.0 }).collect();
            let line = Line { name: "calls", color: RGBColor(0, 0, 0), values, filled: true };
            let svg = over_time(days, &[line], "").unwrap();
            assert!(svg.starts_with("<svg viewBox") && svg.trim_end().ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("<script") && svg.matches("<svg").count() == 1);
        }
    }
}
