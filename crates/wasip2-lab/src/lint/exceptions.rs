//! What the public interface may lose: the exceptions that `series.toml`
//! states, each with its reason.
//!
//! An exception excuses what it names and nothing else, and has to: one that
//! excuses nothing is a fault, as what it was for is there again.

use serde::Serialize;
use wildmatch::WildMatch;

use super::losses::Loss;
use wasip2_series::Series;
use wasip2_series::series::{ApiException, ApiTarget};

/// Something that is lost on purpose.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Excused {
    /// The series: crate and release.
    pub series: String,
    /// The target for which it is lost.
    pub target: String,
    /// What is lost.
    pub lost: String,
    /// Why that is meant.
    pub reason: String,
}

impl Excused {
    /// Whether both are lost from the same interface and for the same reason.
    pub fn shares_reason(&self, other: &Excused) -> bool {
        self.series == other.series && self.target == other.target && self.reason == other.reason
    }
}

/// What the exceptions make of the losses for one target.
#[derive(Debug, Default)]
pub struct Judged {
    /// What no exception names.
    pub unexcused: Vec<Loss>,
    /// What one names, with its reason.
    pub excused: Vec<(Loss, String)>,
    /// The patterns of exceptions that fit nothing.
    pub idle: Vec<String>,
}

/// What is wrong with the exceptions of a series as they are written.
pub fn faults(series: &Series) -> Vec<String> {
    let mut faults = Vec::new();
    for exception in &series.lint.api_exceptions {
        let lost = exception.lost.join("`, `");
        if exception.lost.is_empty() {
            faults.push(format!(
                "{series}: an `[[lint.api-exception]]` of series.toml excuses nothing: `lost` is \
                 empty"
            ));
        } else if exception.reason.trim().is_empty() {
            faults.push(format!(
                "{series}: series.toml does not say why `{lost}` may be lost: give the \
                 `[[lint.api-exception]]` a `reason`"
            ));
        }
    }
    faults
}

/// Judges what is lost for `target`.
pub fn judge(losses: Vec<Loss>, exceptions: &[ApiException], target: ApiTarget) -> Judged {
    let patterns: Vec<(&str, WildMatch, &str)> = exceptions
        .iter()
        .filter(|exception| exception.target == target)
        .flat_map(|exception| {
            let reason = exception.reason.trim();
            let named = exception.lost.iter();
            named.map(move |lost| (lost.as_str(), WildMatch::new(lost), reason))
        })
        .collect();
    let mut judged = Judged {
        idle: patterns
            .iter()
            .filter(|(_, pattern, _)| !losses.iter().any(|loss| pattern.matches(&loss.name)))
            .map(|(lost, ..)| (*lost).to_owned())
            .collect(),
        ..Judged::default()
    };
    for loss in losses {
        match patterns
            .iter()
            .find(|(_, pattern, _)| pattern.matches(&loss.name))
        {
            Some((.., reason)) => judged.excused.push((loss, (*reason).to_owned())),
            None => judged.unexcused.push(loss),
        }
    }
    // They are told by their reasons.
    judged
        .excused
        .sort_by(|(_, one), (_, other)| one.cmp(other));
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(name: &str) -> Loss {
        Loss {
            name: name.to_owned(),
            place: "src/lib.rs:1".to_owned(),
        }
    }

    fn exception(target: ApiTarget, lost: &[&str]) -> ApiException {
        ApiException {
            target,
            lost: lost.iter().map(|&lost| lost.to_owned()).collect(),
            reason: "it is of a browser".to_owned(),
        }
    }

    #[test]
    fn an_exception_excuses_what_it_names_for_its_target() {
        let losses = || vec![loss("gone: A::fetch_mode"), loss("gone: A::send")];
        let exceptions = [exception(ApiTarget::Wasip2, &["gone: A::fetch_*"])];
        let judged = judge(losses(), &exceptions, ApiTarget::Wasip2);
        assert_eq!(judged.unexcused, [loss("gone: A::send")]);
        let reason = "it is of a browser".to_owned();
        assert_eq!(judged.excused, [(loss("gone: A::fetch_mode"), reason)]);
        assert!(judged.idle.is_empty());
        // It does not apply natively, and is not idle there either.
        let judged = judge(losses(), &exceptions, ApiTarget::Native);
        assert_eq!(judged.unexcused, losses());
        assert!(judged.excused.is_empty() && judged.idle.is_empty());
    }

    #[test]
    fn a_pattern_that_fits_nothing_is_idle() {
        let exceptions = [exception(ApiTarget::Native, &["gone: A::*", "gone: B"])];
        let judged = judge(vec![loss("gone: A::b")], &exceptions, ApiTarget::Native);
        assert_eq!(judged.idle, ["gone: B"]);
        assert!(judged.unexcused.is_empty());
    }
}
