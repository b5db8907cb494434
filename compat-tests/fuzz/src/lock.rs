//! A project's `Cargo.lock`.

use wasip2_series::project;

/// Who depends on a package is found in any of them.
pub fn read(bytes: &[u8]) {
    let lock = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| project::parse_lock(text).ok());
    let Some(lock) = lock else {
        return;
    };
    for package in &lock.packages {
        let name = package.name.as_str();
        let versions = project::locked(&lock, name);
        assert!(!versions.is_empty());
        assert!(versions.is_sorted());
        for version in versions {
            let said = project::pulled_in_by(&lock, name, &version);
            assert!(said.contains("pull"), "{said}");
        }
    }
}
