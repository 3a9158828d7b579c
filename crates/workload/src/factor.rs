//! Factorisation: work for the processor.

/// The prime factors of `n`, smallest first, by trying one divisor after the other. 0 and 1 have none.
///
/// Trial division is slow on purpose: it takes as many steps as half of the second largest factor, or of the
/// square root of the largest, if that is more.
///
/// # Examples
///
/// ```
/// use threadbook_workload::factorize;
///
/// assert_eq!(factorize(84), [2, 2, 3, 7]);
/// assert_eq!(factorize(97), [97]);
/// ```
pub fn factorize(n: u64) -> Vec<u64> {
    let mut factors = Vec::new();
    if n == 0 {
        return factors;
    }
    let mut left = n;
    while left.is_multiple_of(2) {
        factors.push(2);
        left /= 2;
    }
    let mut divisor = 3;
    while divisor <= left / divisor {
        while left.is_multiple_of(divisor) {
            factors.push(divisor);
            left /= divisor;
        }
        divisor += 2;
    }
    if left > 1 {
        factors.push(left);
    }
    factors
}

/// `count` numbers that are hard to factorise: each is the product of two primes near ten million. They all
/// take about the same time, some tens of milliseconds on a laptop.
///
/// # Examples
///
/// ```
/// use threadbook_workload::{factorize, semiprimes};
///
/// let n = semiprimes(1)[0];
/// assert_eq!(factorize(n).len(), 2);
/// ```
pub fn semiprimes(count: usize) -> Vec<u64> {
    let is_prime = |n: &u64| factorize(*n).len() == 1;
    let primes: Vec<u64> = (10_000_001..).step_by(2).filter(is_prime).take(count + 1).collect();
    primes.windows(2).map(|pair| pair[0] * pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factors_are_primes_and_their_product_is_the_number() {
        arbtest::arbtest(|random| {
            let n = u64::from(random.arbitrary::<u32>()?);
            let factors = factorize(n);
            assert!(factors.is_sorted() && factors.iter().all(|&factor| factorize(factor) == [factor]));
            assert_eq!(factors.iter().product::<u64>(), n.max(1));
            Ok(())
        });
        assert_eq!((factorize(0), factorize(1), factorize(2)), (vec![], vec![], vec![2]));
        assert_eq!(factorize(u64::MAX), [3, 5, 17, 257, 641, 65537, 6_700_417]);
    }

    #[test]
    fn semiprimes_have_two_factors_of_about_the_same_size() {
        let numbers = semiprimes(5);
        assert_eq!(numbers.len(), 5);
        for n in numbers {
            let factors = factorize(n);
            assert!(factors.len() == 2 && factors[0] > 10_000_000 && factors[1] < 10_001_000, "{factors:?}");
        }
        assert!(semiprimes(0).is_empty());
    }
}
