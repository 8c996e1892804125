#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockjs_fuzz::admission::check(data));
