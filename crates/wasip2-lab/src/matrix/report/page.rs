//! One HTML page that stands by itself and works from a file.
//!
//! Without its script it says all that it has; the script sorts and filters.
//! No outcome is told by colour alone: each has its sign, its word and its own
//! kind of line.

use crate::matrix::cell::{Cell, Outcome, Variant};
use crate::matrix::plan::Kind;
use crate::matrix::results::{Results, RowShown};
use crate::page::{escaped, whole};

/// The page.
pub fn of(results: &Results) -> String {
    let body = format!(
        "<h1>What runs in a component, upstream beside patched</h1>\n{}{}{}{}<script>//<![CDATA[\n{}\
         //]]></script>\n",
        circumstances(results),
        totals(results),
        form(results),
        table(results),
        include_str!("page.js")
    );
    whole("cargo wasip2 matrix", include_str!("page.css"), &body)
}

fn circumstances(results: &Results) -> String {
    let made = &results.made_with;
    let part = match (&results.shard, results.quick) {
        (Some(shard), _) => format!(" This is part {} of it.", escaped(shard)),
        (None, true) => " This is the quick part of it.".to_owned(),
        (None, false) => String::new(),
    };
    let surprises = results.surprises().count();
    let verdict = match surprises {
        0 => "Every cell that was run is as expected.".to_owned(),
        1 => "1 cell is not as expected.".to_owned(),
        many => format!("{many} cells are not as expected."),
    };
    let mut text = format!(
        "<p><strong>{verdict}</strong>{part} Each cell was built and run; open one for the command \
         that does so again, the first error and the reason.</p>\n<p>cargo-wasip2 {}, {}, {} {}, \
         wasi-libc {}. Patched: ",
        escaped(&made.tool),
        escaped(&made.rustc),
        escaped(&made.os),
        escaped(&made.architecture),
        escaped(made.libc.as_deref().unwrap_or("unknown")),
    );
    let series: Vec<String> = made
        .series
        .iter()
        .map(|series| {
            let (krate, version) = (escaped(&series.krate), escaped(&series.version));
            let patches = match series.patches {
                1 => "1 patch".to_owned(),
                many => format!("{many} patches"),
            };
            format!("{krate} {version} ({patches})")
        })
        .collect();
    text.push_str(&series.join(", "));
    text.push_str(".</p>\n<ul>\n");
    for setting in &results.settings {
        text.push_str(&format!(
            "<li><code>{}</code>: {}</li>\n",
            escaped(&setting.name),
            escaped(&setting.about)
        ));
    }
    text.push_str("</ul>\n");
    text
}

fn totals(results: &Results) -> String {
    let mut text = String::from(
        "<div class=\"scroll\"><table class=\"totals\">\n<caption>Cells</caption>\n<thead><tr><th scope=\"col\">crates</th>",
    );
    for outcome in Outcome::ALL {
        text.push_str(&format!(
            "<th scope=\"col\">{} {outcome}</th>",
            outcome.sign()
        ));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for variant in Variant::ALL {
        let counts = results.counts(variant);
        text.push_str(&format!("<tr><th scope=\"row\">{variant}</th>"));
        for outcome in Outcome::ALL {
            let count = counts.get(&outcome).copied().unwrap_or(0);
            text.push_str(&format!("<td>{count}</td>"));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table></div>\n");
    text
}

/// Hidden until the script can make something of it.
fn form(results: &Results) -> String {
    let options = |pairs: Vec<(String, String)>| -> String {
        pairs
            .iter()
            .map(|(value, label)| {
                format!(
                    "<option value=\"{}\">{}</option>",
                    escaped(value),
                    escaped(label)
                )
            })
            .collect()
    };
    let kinds = [Kind::Run, Kind::Serve, Kind::Suite, Kind::Build]
        .map(|kind| (kind.name().to_owned(), kind.name().to_owned()))
        .to_vec();
    let mut outcomes = vec![
        ("gained".to_owned(), "gained by the patches".to_owned()),
        ("unexpected".to_owned(), "not as expected".to_owned()),
    ];
    outcomes.extend(Outcome::ALL.map(|one| {
        let name = one.name().to_owned();
        (name.clone(), format!("{} {name}", one.sign()))
    }));
    let settings = results
        .settings
        .iter()
        .map(|setting| (setting.name.clone(), setting.name.clone()))
        .collect();
    format!(
        "<form id=\"filter\" hidden=\"hidden\">\n<label>Search<input name=\"q\" type=\"search\" \
         placeholder=\"crate, feature, error\"/></label>\n<label>Kind<select name=\"kind\"><option \
         value=\"\">all</option>{}</select></label>\n<label>Outcome<select \
         name=\"outcome\"><option value=\"\">all</option>{}</select></label>\n<label>Setting<select \
         name=\"setting\"><option value=\"\">all</option>{}</select></label>\n<output id=\"shown\" \
         aria-live=\"polite\"></output>\n</form>\n",
        options(kinds),
        options(outcomes),
        options(settings)
    )
}

fn table(results: &Results) -> String {
    let mut text = String::from("<table id=\"matrix\">\n<thead><tr>");
    for (key, title) in [
        ("name", "row"),
        ("kind", "kind"),
        ("upstream", "upstream"),
        ("patched", "patched"),
    ] {
        text.push_str(&format!(
            "<th scope=\"col\" data-sort=\"{key}\" aria-sort=\"none\"><button \
             type=\"button\">{title}</button></th>"
        ));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &results.rows {
        let cells: Vec<&Cell> = results.of_row(row).collect();
        text.push_str(&tr(row, &cells));
    }
    text.push_str("</tbody>\n</table>\n");
    text
}

fn tr(row: &RowShown, cells: &[&Cell]) -> String {
    let of = |variant| cells.iter().filter(move |cell| cell.variant == variant);
    let best = |variant| of(variant).map(|cell| cell.outcome).min();
    let rank = |variant| best(variant).map_or(usize::MAX, |outcome| outcome as usize);
    // A setting in which only the patched crates pass.
    let gained = of(Variant::Patched).any(|cell| {
        cell.outcome == Outcome::Passes
            && of(Variant::Upstream).any(|other| {
                other.setting == cell.setting
                    && !matches!(other.outcome, Outcome::Passes | Outcome::NotRun)
            })
    });
    let words: Vec<&str> = [&row.name, &row.krate, &row.features]
        .into_iter()
        .map(String::as_str)
        .chain(cells.iter().filter_map(|cell| cell.error.as_deref()))
        .chain(cells.iter().filter_map(|cell| cell.reason.as_deref()))
        .collect();
    let mut text = format!(
        "<tr data-position=\"{}\" data-name=\"{}\" data-kind=\"{}\" data-upstream=\"{}\" \
         data-patched=\"{}\" data-gained=\"{}\" data-text=\"{}\">\n<th scope=\"row\"><span \
         class=\"name\">{}</span><span class=\"about\">{}{}; {}</span></th>\n<td \
         data-label=\"kind\">{}</td>\n",
        row.position,
        escaped(&row.name),
        row.kind.name(),
        rank(Variant::Upstream),
        rank(Variant::Patched),
        if gained { "yes" } else { "no" },
        escaped(&words.join(" ").replace('\n', " ").to_lowercase()),
        escaped(&row.name),
        escaped(&row.krate),
        row.version
            .as_deref()
            .map_or(String::new(), |version| format!(" {}", escaped(version))),
        escaped(&row.features),
        row.kind.name()
    );
    for variant in Variant::ALL {
        text.push_str(&format!("<td data-label=\"{variant}\">"));
        let (run, left): (Vec<&&Cell>, Vec<&&Cell>) =
            of(variant).partition(|cell| cell.outcome != Outcome::NotRun);
        for cell in run {
            text.push_str(&details(cell));
        }
        // One line, however many settings there are.
        if left.len() > 1 {
            text.push_str(&format!(
                "<details class=\"left not-run\"><summary><span aria-hidden=\"true\">{}</span> {} in \
                 {} settings</summary>",
                Outcome::NotRun.sign(),
                Outcome::NotRun,
                left.len()
            ));
        }
        for cell in &left {
            text.push_str(&details(cell));
        }
        if left.len() > 1 {
            text.push_str("</details>");
        }
        text.push_str("</td>\n");
    }
    text.push_str("</tr>\n");
    text
}

fn details(cell: &Cell) -> String {
    let surprise = !cell.as_expected();
    let counts = cell.counts.map_or(String::new(), |counts| match counts.of {
        Some(of) => format!(" {} of {of}", counts.passed),
        None => format!(" {}", counts.passed),
    });
    let mut text = format!(
        "<details id=\"{}\" class=\"{}{}\" data-outcome=\"{}\" data-setting=\"{}\"><summary><span \
         aria-hidden=\"true\">{}</span> {}{counts}{} <span class=\"setting\">{}</span></summary><dl>",
        escaped(&cell.name()),
        cell.outcome.name().replace(' ', "-"),
        if surprise { " surprise" } else { "" },
        cell.outcome,
        escaped(&cell.setting),
        cell.outcome.sign(),
        cell.outcome,
        if surprise { " (not as expected)" } else { "" },
        escaped(&cell.setting)
    );
    if surprise {
        text.push_str(&format!("<dt>expected</dt><dd>{}</dd>", cell.expected));
    }
    for (title, words) in [("why", &cell.reason), ("first error", &cell.error)] {
        if let Some(words) = words {
            text.push_str(&format!("<dt>{title}</dt><dd>{}</dd>", escaped(words)));
        }
    }
    text.push_str(&format!(
        "<dt>again</dt><dd><pre>{}</pre></dd>",
        escaped(&cell.command)
    ));
    if !cell.steps.is_empty() {
        text.push_str(&format!(
            "<dt>which runs</dt><dd><pre>{}</pre></dd>",
            escaped(&cell.steps.join("\n"))
        ));
    }
    if cell.outcome != Outcome::NotRun {
        text.push_str(&format!("<dt>took</dt><dd>{} s</dd>", cell.seconds));
    }
    text.push_str("</dl></details>");
    text
}
