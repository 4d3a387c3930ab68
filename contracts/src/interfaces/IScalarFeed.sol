// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "./AggregatorV3Interface.sol";

/// @title IScalarFeed
/// @notice Output 0 of a subscription, as readers of Chainlink's feeds expect it. Rounds that are out of the model's domain or
/// saturated are no rounds of this feed: the last usable one stays the answer, with its own id and its own old time.
/// @dev `startedAt` and `updatedAt` are both `observedAt`, the time of the oldest observation that the answer is computed from,
/// and not the block time of its delivery. Readers compare `updatedAt` with the age that they tolerate; a proof takes time, so
/// the block time would let data pass that is older than they allow. For the same reason nothing here is ever refreshed.
interface IScalarFeed is AggregatorV3Interface {
    /// @notice There is no usable round (under this id).
    error NoData(uint80 roundId);
    /// @notice More than `MAX_WALK` rounds since the last usable one: call `sync`.
    error SyncNeeded(uint64 synced, uint64 latest);
    error DecimalsTooLarge(uint8 max, uint8 got);

    /// @notice Anyone: remembers the newest usable round, looking at up to `MAX_WALK` further rounds. Only needed when so
    /// many rounds in a row were unusable that readers would have to look too far back. Changes no answer.
    /// @return synced the round up to which this feed has looked.
    function sync() external returns (uint64 synced);

    /// @notice Rounds that a reader looks back at most.
    function MAX_WALK() external view returns (uint64);

    /// @notice The subscription that is shown.
    function subscription() external view returns (address subscriptions, bytes32 id);
}
