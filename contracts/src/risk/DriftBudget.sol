// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title DriftBudget
/// @notice Sums of absolute changes over the last days, for three fields at a time, in bounded storage: a ring of 32 days and
/// two running sums.
/// @dev Changes are charged to the UTC day on which they happen. `week` sums today and the 7 days before, `month` today and the
/// 30 before. Any 7 (30) days by the second, ending now, lie within those 8 (31) days, so a budget kept by these sums is kept by
/// every sliding window; the price is that a change counts for up to a day longer than it must. Both directions count: going up
/// and back down spends twice, so that nobody can walk a value far away in steps that cancel out on paper.
///
/// A word has four lanes of 64 bits: one a field, and one on top: the day of the sums (`week`), free for the user (`month`),
/// the day of the bucket (ring). A bucket of another day counts as empty. Only buckets that leave a window are read: one for
/// each day since the last charge and window.
library DriftBudget {
    uint256 internal constant LANES = 3;
    uint256 internal constant WEEK_DAYS = 7;
    uint256 internal constant MONTH_DAYS = 30;
    uint256 private constant RING = 32;
    uint256 private constant TOP = 192;

    struct Group {
        uint256 week;
        uint256 month;
        mapping(uint256 slot => uint256) ring;
    }

    /// @notice A group's sums as of `today`.
    struct Sums {
        uint256[LANES] week;
        uint256[LANES] month;
        uint64 mark;
    }

    /// @notice The sums as of `today` (days since 1970), which is not before the day of the last charge.
    function load(Group storage group, uint256 today) internal view returns (Sums memory sums) {
        uint256 word = group.week;
        uint256 day = word >> TOP;
        if (word != 0 && today - day <= WEEK_DAYS) _add(sums.week, word);
        word = group.month;
        sums.mark = uint64(word >> TOP);
        if (today - day > MONTH_DAYS) return sums;
        _add(sums.month, word);
        for (uint256 d = day + 1; d <= today; ++d) {
            if (today - day <= WEEK_DAYS) _subtract(sums.week, _bucket(group, d - WEEK_DAYS - 1));
            _subtract(sums.month, _bucket(group, d - MONTH_DAYS - 1));
        }
    }

    /// @notice Charges `change` to `today` and keeps `sums` (from `load` on the same day) and its mark.
    /// @dev The caller has checked that the month's sum with the change fits in 64 bits; the week's and the bucket's are not
    /// greater.
    function store(Group storage group, uint256 today, Sums memory sums, uint256[LANES] memory change) internal {
        uint256 week = today << TOP;
        uint256 month = uint256(sums.mark) << TOP;
        uint256 bucket = _bucket(group, today);
        for (uint256 i = 0; i < LANES; ++i) {
            week |= (sums.week[i] + change[i]) << (64 * i);
            month |= (sums.month[i] + change[i]) << (64 * i);
            bucket += change[i] << (64 * i);
        }
        group.week = week;
        group.month = month;
        if (change[0] | change[1] | change[2] != 0) group.ring[today % RING] = (today << TOP) | bucket;
    }

    /// @dev Amounts of `day` without its tag; 0 if the slot holds another day.
    function _bucket(Group storage group, uint256 day) private view returns (uint256 word) {
        word = group.ring[day % RING];
        if (word >> TOP != day) return 0;
        word &= (1 << TOP) - 1;
    }

    function _add(uint256[LANES] memory sums, uint256 word) private pure {
        for (uint256 i = 0; i < LANES; ++i) {
            sums[i] = uint64(word >> (64 * i));
        }
    }

    function _subtract(uint256[LANES] memory sums, uint256 word) private pure {
        if (word == 0) return;
        for (uint256 i = 0; i < LANES; ++i) {
            sums[i] -= uint64(word >> (64 * i));
        }
    }
}
