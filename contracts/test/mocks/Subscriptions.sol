// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Rounds that a test writes: as much of IDodonaSubscriptions as a scalar feed reads.
contract MockSubscriptions {
    struct Round {
        int64 value;
        uint64 observedAt;
        uint64 updatedAt;
        bool usable;
    }

    mapping(bytes32 id => uint64) public count;
    mapping(bytes32 id => mapping(uint64 round => Round)) private _rounds;

    function push(bytes32 id, int64 value, uint64 observedAt, bool usable) external {
        _rounds[id][++count[id]] = Round(value, observedAt, uint64(block.timestamp), usable);
    }

    function latestRound(bytes32 id) external view returns (uint64, int64, uint64, uint64, bool) {
        return roundOf(id, count[id]);
    }

    function roundOf(bytes32 id, uint64 round) public view returns (uint64, int64, uint64, uint64, bool) {
        Round memory r = _rounds[id][round];
        return (r.updatedAt == 0 ? 0 : round, r.value, r.observedAt, r.updatedAt, r.usable);
    }
}
