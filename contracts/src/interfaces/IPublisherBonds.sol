// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IPublisherBonds
/// @notice Bonds of publishers, in wei, one for each (feed, publisher). IFeedRegistry says how one is lost.
///
/// What a bond guarantees: as long as a publisher's headers pass `verify`, at least the feed's `minBond` stands behind
/// it, and it is lost if anyone shows two different headers of one `(feedId, setEpoch, seq)` in time. `BURNED_BPS` of
/// it is burned whoever reports, the publisher itself included: reporting oneself is no way out.
///
/// What it does not guarantee: that what was signed is true. A publisher that signs one false header loses nothing. Nor
/// is anybody compensated: an equivocation proves that somebody may have been misled, not who and by how much. Nor does
/// it bind a publisher that is in two sets across a rotation to one header for both: the epochs differ.
/// @dev A bond is the publisher's, whoever paid it: only its key takes it out again. WARNING: a stolen key therefore
/// takes the bond with it, after `UNBONDING_TIME`.
interface IPublisherBonds {
    /// @notice What stands behind one publisher of one feed.
    /// @param bonded wei that count for `minBond` and can be slashed.
    /// @param unbonding wei that no longer count and can still be slashed.
    /// @param withdrawableAt second from which `unbonding` can be withdrawn; 0 if nothing is unbonding.
    /// @param revoked nothing that the publisher signed for this feed is accepted any more.
    /// @param slashed an equivocation was proved.
    struct Bond {
        uint96 bonded;
        uint96 unbonding;
        uint40 withdrawableAt;
        bool revoked;
        bool slashed;
    }

    event Bonded(bytes32 indexed feedId, address indexed publisher, address indexed from, uint256 amount);
    event UnbondRequested(bytes32 indexed feedId, address indexed publisher, uint256 amount, uint256 withdrawableAt);
    event BondWithdrawn(bytes32 indexed feedId, address indexed publisher, address indexed to, uint256 amount);
    /// @notice `rewarded + burned` is all that the publisher had at stake in this feed.
    event Slashed(
        bytes32 indexed feedId, address indexed publisher, address indexed reporter, uint256 rewarded, uint256 burned
    );
    event RewardWithdrawn(address indexed reporter, address indexed to, uint256 amount);

    /// @notice The publisher's bond that counts is below the feed's least.
    error BondTooLow(bytes32 feedId, address publisher, uint256 expected, uint256 got);
    error BondTooHigh(uint256 most, uint256 got);
    error ZeroAmount();
    /// @notice More was to be unbonded than counts.
    error UnbondTooHigh(bytes32 feedId, address publisher, uint256 most, uint256 got);
    error NothingUnbonding(bytes32 feedId, address publisher);
    error BondLocked(bytes32 feedId, address publisher, uint256 withdrawableAt, uint256 timestamp);
    error NoReward(address reporter);
    error ZeroRecipient();
    error TransferFailed(address to, uint256 amount);

    /// @notice Anyone: adds `msg.value` to the bond of `publisher`, in whose favour it is from then on. Refused for a
    /// publisher that is revoked, since it could never be of use.
    function bond(bytes32 feedId, address publisher) external payable;

    /// @notice Publisher (the caller): takes `amount` out of what counts. It stays slashable, and can be withdrawn
    /// after `UNBONDING_TIME`. A further call restarts that time for all that is unbonding. A revoked publisher can do
    /// this.
    function requestUnbond(bytes32 feedId, uint256 amount) external;

    /// @notice Publisher (the caller): sends all that has unbonded to `to`.
    function withdrawBond(bytes32 feedId, address to) external returns (uint256 amount);

    /// @notice Reporter (the caller): sends its rewards to `to`.
    function withdrawReward(address to) external returns (uint256 amount);

    function bondOf(bytes32 feedId, address publisher) external view returns (Bond memory);

    /// @notice Wei that a reporter can withdraw.
    function rewardOf(address reporter) external view returns (uint256);

    /// @notice Wei in all bonds, unbonding ones included.
    function totalBonds() external view returns (uint256);

    /// @notice Wei in all rewards not yet withdrawn. The contract holds `totalBonds + totalRewards` at least.
    function totalRewards() external view returns (uint256);

    /// @notice Seconds after a header's time during which an equivocation can be reported. It covers a header that is
    /// used at the end of the longest request (30 days), with a week to observe and a week to report.
    function EVIDENCE_WINDOW() external view returns (uint64);

    /// @notice Seconds that unbonding takes; longer than `EVIDENCE_WINDOW`, so that what was signed while the bond
    /// counted can be reported while it can still be slashed.
    function UNBONDING_TIME() external view returns (uint64);

    /// @notice Hundredths of a percent of a slashed bond that are burned. The rest is the reporter's.
    function BURNED_BPS() external view returns (uint256);
}
