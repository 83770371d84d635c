//! A hint to the processor: this memory is needed soon.
//!
//! Commands of one batch meet accounts and orders all over memory. Asked for some commands ahead, they arrive while
//! other work is done; the results never depend on it.

/// Ask for the cache line that `place` begins in.
#[inline(always)]
#[allow(unsafe_code)]
pub fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing into the program and never faults, and the reference is valid besides; SSE is
    // part of every x86_64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Ask for the one or two cache lines of a `place` that is no longer than a line.
#[inline(always)]
pub fn prefetch_ends<T>(place: &T) {
    prefetch(place);
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // SAFETY: as above; the address is that of the value's last byte.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start: *const i8 = std::ptr::from_ref(place).cast();
        _mm_prefetch::<_MM_HINT_T0>(start.add(size_of::<T>().saturating_sub(1)));
    }
}

/// Ask for every cache line of `place`.
#[inline(always)]
pub fn prefetch_whole<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // SAFETY: as above; the addresses stay within the value.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start: *const i8 = std::ptr::from_ref(place).cast();
        let mut offset = 0;
        while offset < size_of::<T>() {
            _mm_prefetch::<_MM_HINT_T0>(start.add(offset));
            offset += 64;
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
