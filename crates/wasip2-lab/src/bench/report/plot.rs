//! One plot as SVG: a mark for each variant at each value, with a line from
//! the least to the most of its rounds, on a logarithmic scale.
//!
//! The ratios of variants, which are what counts, are distances there.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::figures::number;
use crate::bench::results::{CaseResults, Measured, Outcome, Spread, VariantNamed};

/// Width and height, in the plot's own units.
const SIZE: (u32, u32) = (760, 300);
/// How much of the width the legend has.
const LEGEND: u32 = 230;

/// Stands for the page's own colour of text, whatever that is, and is replaced
/// by it.
const TEXT: RGBColor = RGBColor(1, 2, 3);
const TEXT_IN_SVG: &str = "#010203";

/// The colours of the variants: far apart for every kind of sight, and legible
/// on white and on black.
const COLORS: [RGBColor; 6] = [
    RGBColor(0x80, 0x80, 0x80),
    RGBColor(0x2f, 0x8f, 0xd0),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xb8, 0x86, 0x0b),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What a plot shows of each measured variant.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// What the values are, with their unit.
    pub title: &'static str,
    pub of: fn(&Measured) -> Spread,
}

/// A plot, as an element of a page; its description is `title`.
///
/// `None` where nothing was measured.
pub fn of(
    case: &CaseResults,
    metric: Metric,
    variants: &[VariantNamed],
    title: &str,
    id: &str,
) -> Result<Option<String>> {
    let marks = marks(case, metric, variants);
    let least = marks.iter().map(|mark| mark.spread.min).reduce(f64::min);
    let most = marks.iter().map(|mark| mark.spread.max).reduce(f64::max);
    let (Some(least), Some(most)) = (least, most) else {
        return Ok(None);
    };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (left, right) = root.split_horizontally(SIZE.0 - LEGEND);
        chart(case, metric, &marks, (least / 1.5)..(most * 1.5), &left)
            .and_then(|()| legend(variants, &marks, &right))
            .and_then(|()| Ok(root.present()?))
            .map_err(|error| anyhow!("a plot could not be drawn: {error}"))?;
    }
    let opening = format!("<svg role=\"img\" aria-labelledby=\"{id}\" ");
    let titled = format!(
        ">\n<title id=\"{id}\">{}</title>",
        crate::page::escaped(title)
    );
    let svg = svg
        .replacen("<svg ", &opening, 1)
        .replacen('>', &titled, 1)
        .replace(TEXT_IN_SVG, "currentColor");
    Ok(Some(svg))
}

/// A variant at a value.
struct Mark {
    /// The index of the value.
    value: usize,
    /// The index of the variant.
    variant: usize,
    spread: Spread,
}

fn marks(case: &CaseResults, metric: Metric, variants: &[VariantNamed]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (value, point) in case.points.iter().enumerate() {
        for one in &point.outcomes {
            let variant = variants.iter().position(|named| named.name == one.variant);
            if let (Some(variant), Outcome::Measured(measured)) = (variant, &one.outcome) {
                let spread = (metric.of)(measured);
                // A clock may be too coarse for it; zero has no logarithm.
                if spread.min > 0.0 {
                    marks.push(Mark {
                        value,
                        variant,
                        spread,
                    });
                }
            }
        }
    }
    marks
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn chart(
    case: &CaseResults,
    metric: Metric,
    marks: &[Mark],
    values: std::ops::Range<f64>,
    area: &Area,
) -> Drawn {
    let count = case.points.len();
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(-0.5..count as f64 - 0.5, values.log_scale())?;
    let text = ("sans-serif", 13).into_font().color(&TEXT);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(TEXT.mix(0.6))
        .bold_line_style(TEXT.mix(0.25))
        .light_line_style(TEXT.mix(0.07))
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_desc(case.axis)
        .y_desc(metric.title)
        .x_labels(2 * count + 3)
        .x_label_formatter(&|at| {
            let index = at.round();
            match case.points.get(index as usize) {
                Some(point) if (at - index).abs() < 1e-6 && index >= 0.0 => {
                    number_whole(point.value)
                }
                _ => String::new(),
            }
        })
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    // Beside each other, in the order of the legend.
    let most = marks.iter().map(|mark| mark.variant).max().unwrap_or(0) + 1;
    for mark in marks {
        let offset = (mark.variant as f64 - (most as f64 - 1.0) / 2.0) * 0.7 / most as f64;
        let x = mark.value as f64 + offset;
        let color = COLORS[mark.variant % COLORS.len()];
        chart.draw_series([PathElement::new(
            vec![(x, mark.spread.min), (x, mark.spread.max)],
            color.stroke_width(2),
        )])?;
        let at = (x, mark.spread.median);
        match mark.variant % 5 {
            0 => chart.draw_series([EmptyElement::at(at) + square(color)])?,
            1 => chart.draw_series([Circle::new(at, 5, color.filled())])?,
            2 => chart.draw_series([TriangleMarker::new(at, 6, color.filled())])?,
            3 => chart.draw_series([EmptyElement::at(at) + diamond(color)])?,
            _ => chart.draw_series([Cross::new(at, 5, color.stroke_width(3))])?,
        };
    }
    Ok(())
}

fn legend(variants: &[VariantNamed], marks: &[Mark], area: &Area) -> Drawn {
    let mut y = 20;
    for (index, variant) in variants.iter().enumerate() {
        if !marks.iter().any(|mark| mark.variant == index) {
            continue;
        }
        let color = COLORS[index % COLORS.len()];
        let at = (10, y);
        match index % 5 {
            0 => area.draw(&(EmptyElement::at(at) + square(color)))?,
            1 => area.draw(&Circle::new(at, 5, color.filled()))?,
            2 => area.draw(&TriangleMarker::new(at, 6, color.filled()))?,
            3 => area.draw(&(EmptyElement::at(at) + diamond(color)))?,
            _ => area.draw(&Cross::new(at, 5, color.stroke_width(3)))?,
        }
        let style = ("sans-serif", 13).into_font().color(&TEXT);
        area.draw(&Text::new(variant.label, (24, y - 7), style))?;
        y += 22;
    }
    Ok(())
}

fn square(color: RGBColor) -> Rectangle<(i32, i32)> {
    Rectangle::new([(-4, -4), (5, 5)], color.filled())
}

fn diamond(color: RGBColor) -> Polygon<(i32, i32)> {
    Polygon::new([(0, -6), (6, 0), (0, 6), (-6, 0)], color.filled())
}

fn number_whole(value: u32) -> String {
    number(f64::from(value))
        .trim_end_matches(".00")
        .trim_end_matches(".0")
        .to_owned()
}
