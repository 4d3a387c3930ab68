// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IDodonaSubscriptions
/// @notice Rounds of a subscription: output 0 of each accepted update.
interface IDodonaSubscriptions {
    /// @notice The newest round; round 0 if there is none.
    /// @param id the subscription.
    /// @return round from 1.
    /// @return value output 0, in 10^-decimals of the model.
    /// @return observedAt time of the oldest observation used.
    /// @return updatedAt block time of the update.
    /// @return usable inside the model's domain and not saturated.
    function latestRound(bytes32 id)
        external
        view
        returns (uint64 round, int64 value, uint64 observedAt, uint64 updatedAt, bool usable);

    /// @notice A round by its number; round 0 if there is no such round.
    function roundOf(bytes32 id, uint64 round)
        external
        view
        returns (uint64 round_, int64 value, uint64 observedAt, uint64 updatedAt, bool usable);
}
