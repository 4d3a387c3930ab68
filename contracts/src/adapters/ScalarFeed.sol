// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";
import {IDodonaSubscriptions} from "../interfaces/IDodonaSubscriptions.sol";
import {IScalarFeed} from "../interfaces/IScalarFeed.sol";

/// @title ScalarFeed
/// @notice See IScalarFeed. No owner, and no state that an answer depends on: `sync` only saves readers a long walk.
contract ScalarFeed is IScalarFeed {
    /// @dev A usable round, or round 0.
    struct Round {
        uint64 round;
        int64 value;
        uint64 observedAt;
    }

    /// @inheritdoc IScalarFeed
    uint64 public constant MAX_WALK = 64;
    /// @inheritdoc AggregatorV3Interface
    uint256 public constant version = 1;
    uint8 private constant MAX_DECIMALS = 18;

    IDodonaSubscriptions private immutable _subscriptions;
    bytes32 private immutable _id;
    /// @inheritdoc AggregatorV3Interface
    uint8 public immutable decimals;
    /// @inheritdoc AggregatorV3Interface
    string public description;

    /// @dev All rounds up to `_synced` have been looked at; the newest usable one of them is `_usable` (0: none).
    uint64 private _synced;
    uint64 private _usable;

    /// @param subscriptions_ whose rounds are shown.
    /// @param id_ the subscription.
    /// @param decimals_ the model's `outputDecimals`, 0 to 18.
    /// @dev WARNING: readers should compare `decimals_` with the model's spec; nothing here can.
    /// @param description_ for people.
    constructor(IDodonaSubscriptions subscriptions_, bytes32 id_, uint8 decimals_, string memory description_) {
        if (decimals_ > MAX_DECIMALS) revert DecimalsTooLarge(MAX_DECIMALS, decimals_);
        _subscriptions = subscriptions_;
        _id = id_;
        decimals = decimals_;
        description = description_;
    }

    /// @inheritdoc AggregatorV3Interface
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint64 round, int64 value, uint64 observedAt,, bool usable) = _subscriptions.latestRound(_id);
        if (usable && round != 0) return _shown(Round(round, value, observedAt));
        Round memory last = _lastUsableBefore(round);
        if (last.round == 0) revert NoData(0);
        return _shown(last);
    }

    /// @inheritdoc AggregatorV3Interface
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        if (roundId == 0 || roundId > type(uint64).max) revert NoData(roundId);
        Round memory found = _roundOf(uint64(roundId));
        if (found.round == 0) revert NoData(roundId);
        return _shown(found);
    }

    /// @inheritdoc IScalarFeed
    function sync() external returns (uint64 synced) {
        (uint64 latest,,,,) = _subscriptions.latestRound(_id);
        synced = _synced;
        uint64 usable = _usable;
        for (uint64 i = 0; i < MAX_WALK && synced < latest; ++i) {
            ++synced;
            if (_roundOf(synced).round != 0) usable = synced;
        }
        (_synced, _usable) = (synced, usable);
    }

    /// @inheritdoc IScalarFeed
    function subscription() external view returns (address subscriptions, bytes32 id) {
        return (address(_subscriptions), _id);
    }

    /// @dev Looks back from `latest`, which is not usable, as far as nobody has looked before.
    function _lastUsableBefore(uint64 latest) private view returns (Round memory found) {
        uint64 synced = _synced;
        uint64 round = latest;
        for (uint64 i = 0; i < MAX_WALK && round > synced + 1; ++i) {
            found = _roundOf(--round);
            if (found.round != 0) return found;
        }
        if (round > synced + 1) revert SyncNeeded(synced, latest);
        uint64 usable = _usable;
        if (usable != 0) found = _roundOf(usable);
    }

    /// @return found round 0 if it does not exist or is not usable
    function _roundOf(uint64 round) private view returns (Round memory found) {
        (uint64 got, int64 value, uint64 observedAt,, bool usable) = _subscriptions.roundOf(_id, round);
        if (usable && got == round) found = Round(round, value, observedAt);
    }

    function _shown(Round memory shown) private pure returns (uint80, int256, uint256, uint256, uint80) {
        return (shown.round, shown.value, shown.observedAt, shown.observedAt, shown.round);
    }
}
