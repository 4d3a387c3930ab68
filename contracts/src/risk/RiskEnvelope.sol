// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IRiskEnvelope} from "./interfaces/IRiskOracle.sol";

/// @title RiskEnvelope
/// @notice See IRiskEnvelope. Limits are set once: a changed envelope is a new contract that the risk oracle's users see.
contract RiskEnvelope is IRiskEnvelope, Ownable2Step {
    struct Limits {
        FieldLimits[] fields;
        uint64 minDelay;
        JointRule jointRule;
    }

    /// @dev Basis points in one.
    uint256 private constant ONE = 10_000;

    mapping(bytes32 key => Limits) private _limits;

    /// @param owner_ sets limits.
    constructor(address owner_) Ownable(owner_) {}

    /// @inheritdoc IRiskEnvelope
    function setLimits(
        address market,
        string calldata updateType,
        FieldLimits[] calldata fields,
        uint64 minDelay,
        JointRule jointRule
    ) external onlyOwner {
        Limits storage limits = _limits[_key(market, updateType)];
        if (limits.fields.length != 0) revert LimitsAlreadySet(market, updateType);
        if (fields.length == 0) revert FieldCount(1, 0);
        if (jointRule == JointRule.Lending && fields.length != 3) revert FieldCount(3, fields.length);
        for (uint256 i = 0; i < fields.length; ++i) {
            if (fields[i].min > fields[i].max || fields[i].max == type(uint64).max) revert BadLimits(i);
            limits.fields.push(fields[i]);
        }
        limits.minDelay = minDelay;
        limits.jointRule = jointRule;
        emit LimitsSet(market, updateType, fields, minDelay, jointRule);
    }

    /// @inheritdoc IRiskEnvelope
    function check(
        address market,
        string calldata updateType,
        uint256[] calldata previous,
        uint256[] calldata next,
        uint256 releasedAt
    ) external view {
        Limits storage limits = _limits[_key(market, updateType)];
        uint256 count = limits.fields.length;
        if (count == 0) revert LimitsUnknown(market, updateType);
        if (next.length != count) revert FieldCount(count, next.length);
        if (previous.length != 0 && previous.length != count) revert FieldCount(count, previous.length);
        uint256 earliest = releasedAt + limits.minDelay;
        if (releasedAt != 0 && block.timestamp < earliest) revert TooSoon(earliest, block.timestamp);
        for (uint256 i = 0; i < count; ++i) {
            FieldLimits memory field = limits.fields[i];
            uint256 value = next[i];
            if (value < field.min) revert BelowMin(i, field.min, value);
            if (value > field.max) revert AboveMax(i, field.max, value);
            if (previous.length == 0) continue;
            uint256 step = value > previous[i] ? value - previous[i] : previous[i] - value;
            if (step > field.maxStep) revert StepTooLarge(i, field.maxStep, step);
        }
        if (limits.jointRule == JointRule.Lending) _checkLending(next[0], next[1], next[2]);
    }

    /// @notice Limits of (market, type); no fields if there are none.
    function limitsOf(address market, string calldata updateType) external view returns (Limits memory) {
        return _limits[_key(market, updateType)];
    }

    function _checkLending(uint256 ltv, uint256 lt, uint256 lb) private pure {
        if (ltv > lt) revert LtvAboveThreshold(ltv, lt);
        if (lt >= ONE) revert ThresholdNotBelowOne(lt);
        if (lt * (ONE + lb) > ONE * ONE) revert BonusExceedsCollateral(lt, lb);
    }

    function _key(address market, string calldata updateType) private pure returns (bytes32) {
        return keccak256(abi.encode(market, updateType));
    }
}
