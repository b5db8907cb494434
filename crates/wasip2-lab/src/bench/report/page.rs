//! One HTML page that stands by itself: no script, nothing from elsewhere.
//!
//! Every plot has a table beside it that says the same in words. The page is
//! well-formed XML as well, so that any program can read it.

use anyhow::Result;

use super::figures::{mebibytes, number};
use super::plot::{self, Metric};
use super::table::cells;
use crate::bench::cases::Compare;
use crate::bench::results::{CaseResults, Outcome, PointResults, Results, Size};
use crate::page::{escaped, whole};

/// What is plotted of each case.
const METRICS: [Metric; 2] = [
    Metric {
        title: "operations a second",
        of: |measured| measured.rate,
    },
    Metric {
        title: "median latency, µs",
        of: |measured| measured.p50_us,
    },
];

/// The heads of the columns, in words.
const HEADS: [&str; 10] = [
    "as a multiple of native",
    "operations a second",
    "median latency, µs",
    "90th percentile, µs",
    "99th percentile, µs",
    "operations a second beside",
    "polls an operation",
    "blocks an operation",
    "CPU time an operation, µs",
    "peak memory, MiB",
];

/// The page.
pub fn of(results: &Results) -> Result<String> {
    let mut body = String::new();
    body.push_str("<h1>cargo wasip2 bench</h1>\n");
    body.push_str(&circumstances(results));
    for case in &results.cases {
        body.push_str(&section(case, results)?);
    }
    body.push_str(&sizes(results));
    Ok(whole("cargo wasip2 bench", include_str!("page.css"), &body))
}

fn circumstances(results: &Results) -> String {
    let (machine, options) = (&results.machine, &results.options);
    let load =
        |load: Option<f64>| load.map_or_else(|| "unknown".to_owned(), |load| load.to_string());
    let mut text = format!(
        "<p>Medians of {} rounds of {} s in which the variants took turns, with the least and the \
         most in brackets. A ratio is taken between two runs of one round. cargo-wasip2 {}, {}, {} \
         {}, {} CPUs; load average {} before and {} after; host {}, mode {}, wasi-libc {}.</p>\n",
        options.rounds,
        options.seconds,
        results.tool,
        escaped(&machine.rustc),
        machine.os,
        machine.architecture,
        machine.cpus,
        load(machine.load_before),
        load(machine.load_after),
        escaped(&options.host),
        options.mode,
        options.libc,
    );
    if !options.optimised {
        text.push_str(
            "<p><strong>Nothing was optimised: no figure here means anything.</strong></p>\n",
        );
    }
    text
}

fn section(case: &CaseResults, results: &Results) -> Result<String> {
    let mut text = format!(
        "<section id=\"{0}\">\n<h2>{0}</h2>\n<p>{1}. One operation is one {2}; a ratio is {3}.</p>\n",
        escaped(case.name),
        escaped(case.title),
        escaped(case.operation),
        match case.compare {
            Compare::Rate => "of the operations a second",
            Compare::Latency => "native's median latency by this one's",
        }
    );
    for (index, metric) in METRICS.into_iter().enumerate() {
        let title = format!("{}: {}", case.name, metric.title);
        let id = format!("{}-plot-{index}", case.name);
        if let Some(svg) = plot::of(case, metric, &results.variants, &title, &id)? {
            text.push_str(&format!(
                "<figure>\n{svg}<figcaption>{}, by {}, on a logarithmic scale; the table below \
                 says the same.</figcaption>\n</figure>\n",
                escaped(metric.title),
                escaped(case.axis)
            ));
        }
    }
    text.push_str(&format!(
        "<div class=\"scroll\"><table>\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\">variant</th>",
        escaped(case.title),
        escaped(case.axis)
    ));
    for head in HEADS {
        text.push_str(&format!("<th scope=\"col\">{}</th>", escaped(head)));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for point in &case.points {
        text.push_str(&rows(point));
    }
    text.push_str("</tbody>\n</table></div>\n</section>\n");
    Ok(text)
}

fn rows(point: &PointResults) -> String {
    let mut text = String::new();
    for (index, one) in point.outcomes.iter().enumerate() {
        let class = if index == 0 { " class=\"first\"" } else { "" };
        text.push_str(&format!(
            "<tr{class}><td>{}</td><th scope=\"row\">{}</th>",
            point.value,
            escaped(one.variant)
        ));
        let words = |words: &str| {
            format!(
                "<td class=\"reason\" colspan=\"{}\">{}</td>",
                HEADS.len(),
                escaped(words)
            )
        };
        match &one.outcome {
            Outcome::Measured(measured) => {
                for cell in cells(measured) {
                    text.push_str(&format!("<td>{}</td>", escaped(&cell)));
                }
            }
            Outcome::Failed { reason } => text.push_str(&words(&format!("failed {reason}"))),
            Outcome::Absent => text.push_str(&words("has no program for this")),
        }
        text.push_str("</tr>\n");
    }
    text
}

fn sizes(results: &Results) -> String {
    let mut text = String::from(
        "<section id=\"size\">\n<h2>size</h2>\n<table>\n<caption>The programs' files, as cargo \
         leaves them</caption>\n<thead><tr><th scope=\"col\">program</th><th \
         scope=\"col\">variant</th><th scope=\"col\">MiB</th></tr></thead>\n<tbody>\n",
    );
    for (variant, programs) in &results.programs {
        for (program, size) in programs {
            let size = match size {
                Size::Bytes(bytes) => number(mebibytes(*bytes as f64)),
                Size::Failed(reason) => format!("failed: {reason}"),
            };
            text.push_str(&format!(
                "<tr><th scope=\"row\">{}</th><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                escaped(program),
                escaped(variant),
                escaped(&size)
            ));
        }
    }
    text.push_str("</tbody>\n</table>\n</section>\n");
    text
}
