// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IRiskValues} from "../interfaces/IRiskTarget.sol";
import {IShadowRisk} from "../interfaces/IShadowRisk.sol";
import {RiskSource} from "./RiskSource.sol";

/// @title ShadowRisk
/// @notice See IShadowRisk. The owner names sources and stewards, once each.
contract ShadowRisk is IShadowRisk, RiskSource {
    /// @dev Sums and maxima of one field; 2^64 records would be needed to fill a sum.
    struct Totals {
        uint128 sumAbsolute;
        uint128 sumBps;
        uint64 maxAbsolute;
        uint64 maxBps;
    }

    uint256 private constant ONE = 10_000;

    mapping(bytes32 key => IRiskValues) private _stewards;
    mapping(uint32 entry => Record) private _records;
    mapping(uint32 entry => mapping(uint256 field => Totals)) private _totals;

    /// @param owner_ names sources and stewards.
    /// @param oracle_ where answers come from.
    constructor(address owner_, IDodonaOracle oracle_) RiskSource(owner_, oracle_) {}

    /// @inheritdoc IShadowRisk
    function setSteward(address market, string calldata updateType, IRiskValues steward) external onlyOwner {
        bytes32 key = _key(market, updateType);
        if (address(_stewards[key]) != address(0)) revert StewardAlreadySet(market, updateType);
        if (address(steward) == address(0)) revert StewardUnknown(market, updateType);
        _stewards[key] = steward;
        emit StewardSet(market, updateType, steward);
    }

    /// @inheritdoc IShadowRisk
    function recordOf(address market, string calldata updateType) external view returns (Record memory) {
        return _records[_knownIndex(market, updateType)];
    }

    /// @inheritdoc IShadowRisk
    function distanceOf(address market, string calldata updateType)
        external
        view
        returns (uint64 count, Distance[] memory fields)
    {
        uint32 index = _knownIndex(market, updateType);
        count = _records[index].count;
        if (count == 0) return (0, fields);
        fields = new Distance[](_entries[index].count);
        for (uint256 i = 0; i < fields.length; ++i) {
            Totals storage totals = _totals[index][i];
            fields[i].maxAbsolute = totals.maxAbsolute;
            fields[i].meanAbsolute = _ceilDiv(totals.sumAbsolute, count);
            fields[i].maxBps = totals.maxBps;
            fields[i].meanBps = _ceilDiv(totals.sumBps, count);
        }
    }

    /// @inheritdoc RiskSource
    function _take(uint32 index, Entry storage entry, Proven memory proven) internal override returns (bytes memory) {
        uint256[] memory steward = _stewards[_key(entry.market, entry.updateType)].current(entry.market);
        if (steward.length != proven.values.length) revert StewardFieldCount(proven.values.length, steward.length);
        Record storage stored = _records[index];
        stored.requestId = proven.requestId;
        stored.observedAt = proven.observedAt;
        stored.recordedAt = uint64(block.timestamp);
        stored.count += 1;
        stored.values = proven.values;
        stored.steward = steward;
        (uint256[] memory absolute, uint256[] memory bps) = _measure(index, proven.values, steward);
        emit ShadowRecorded(proven.requestId, entry.market, entry.updateType, proven.values, steward, absolute, bps);
        return "";
    }

    /// @inheritdoc RiskSource
    function _lastObservedAt(uint32 index) internal view override returns (uint64) {
        return _records[index].observedAt;
    }

    /// @inheritdoc RiskSource
    function _checkAgainst(bytes32 key, Source calldata source, uint16) internal view override {
        if (address(_stewards[key]) == address(0)) revert BadSource("steward", 0);
        // A shadow is neither held nor measured against what came before.
        if (source.maxHeldAge != 0) revert BadSource("maxHeldAge", source.maxHeldAge);
        if (source.seed.length != 0) revert BadSource("seed", source.seed.length);
    }

    function _measure(uint32 index, uint256[] memory values, uint256[] memory steward)
        private
        returns (uint256[] memory absolute, uint256[] memory bps)
    {
        (absolute, bps) = (new uint256[](values.length), new uint256[](values.length));
        for (uint256 i = 0; i < values.length; ++i) {
            (absolute[i], bps[i]) = _distance(values[i], steward[i]);
            Totals storage totals = _totals[index][i];
            totals.sumAbsolute += uint128(absolute[i]);
            totals.sumBps += uint128(bps[i]);
            if (absolute[i] > totals.maxAbsolute) totals.maxAbsolute = uint64(absolute[i]);
            if (bps[i] > totals.maxBps) totals.maxBps = uint64(bps[i]);
        }
    }

    /// @dev Never understated: cut off where the scale ends, rounded up within it.
    function _distance(uint256 value, uint256 steward) private pure returns (uint256 absolute, uint256 bps) {
        absolute = value > steward ? value - steward : steward - value;
        if (absolute > type(uint64).max) absolute = type(uint64).max;
        if (absolute == 0) return (0, 0);
        bps = steward == 0 ? type(uint32).max : _ceilDiv(absolute * ONE, steward);
        if (bps > type(uint32).max) bps = type(uint32).max;
    }

    function _ceilDiv(uint256 a, uint256 b) private pure returns (uint256) {
        return a == 0 ? 0 : (a - 1) / b + 1;
    }
}
