#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasip2_fuzz::http::request(bytes));
