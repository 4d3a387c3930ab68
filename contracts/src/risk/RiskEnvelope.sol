// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IRiskEnvelope} from "../interfaces/IRiskEnvelope.sol";
import {CodeStore} from "../libraries/CodeStore.sol";
import {DriftBudget} from "./DriftBudget.sol";
import {EnvelopeRules} from "./EnvelopeRules.sol";

/// @title RiskEnvelope
/// @notice See IRiskEnvelope. The owner names the risk oracle and sets limits, each once.
/// @dev Limits are kept as code: they never change, and one cold account is cheaper to read than a dozen cold slots.
contract RiskEnvelope is IRiskEnvelope, Ownable2Step {
    using DriftBudget for DriftBudget.Group;

    /// @dev What a vector would charge: a group of three fields an index.
    struct Charge {
        DriftBudget.Sums[] sums;
        uint256[3][] changes;
        bool delayFree;
    }

    uint256 private constant ONE = EnvelopeRules.ONE;
    uint256 private constant MAX_ITEMS = 16;
    uint32 private constant MAX_HOLD_BPS = 30_000;
    uint256 private constant LANES = DriftBudget.LANES;

    /// @inheritdoc IRiskEnvelope
    address public riskOracle;

    mapping(bytes32 key => address) private _limits;
    mapping(bytes32 key => mapping(uint256 group => DriftBudget.Group)) private _drift;

    /// @param owner_ names the risk oracle and sets limits.
    constructor(address owner_) Ownable(owner_) {}

    /// @inheritdoc IRiskEnvelope
    function bind(address riskOracle_) external onlyOwner {
        if (riskOracle != address(0)) revert AlreadyBound(riskOracle);
        if (riskOracle_ == address(0)) revert ZeroAddress();
        riskOracle = riskOracle_;
        emit Bound(riskOracle_);
    }

    /// @inheritdoc IRiskEnvelope
    function setLimits(address market, string calldata updateType, Limits calldata limits) external onlyOwner {
        bytes32 key = keyOf(market, updateType);
        if (_limits[key] != address(0)) revert LimitsAlreadySet(key);
        _checkLimits(limits);
        _limits[key] = CodeStore.write(abi.encode(limits));
        emit LimitsSet(key, market, updateType, limits);
    }

    /// @inheritdoc IRiskEnvelope
    function admit(bytes32 key, uint256[] calldata previous, uint256[] calldata next, bool approved)
        external
        returns (Verdict verdict, bytes memory reason)
    {
        if (msg.sender != riskOracle) revert NotRiskOracle(riskOracle, msg.sender);
        Charge memory charge;
        (verdict, reason, charge) = _evaluate(key, previous, next, approved);
        if (verdict == Verdict.Passed) _charge(key, charge);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IRiskEnvelope
    function preview(bytes32 key, uint256[] calldata previous, uint256[] calldata next, bool approved)
        external
        view
        returns (Verdict verdict, bytes memory reason)
    {
        (verdict, reason,) = _evaluate(key, previous, next, approved);
    }

    /// @inheritdoc IRiskEnvelope
    function recheck(bytes32 key, uint256[] calldata live, uint256[] calldata next, bool approved)
        external
        view
        returns (bytes memory reason)
    {
        Limits memory limits = _limitsOf(key);
        if (live.length != limits.fields.length) {
            return abi.encodeWithSelector(FieldCount.selector, limits.fields.length, live.length);
        }
        uint256[] memory before = live;
        uint256[] memory afterwards = next;
        reason = _fieldsRefusal(limits, before, afterwards);
        if (reason.length == 0) reason = _stepsRefusal(limits, before, afterwards, approved ? limits.holdBps : ONE);
        if (reason.length == 0) reason = _rulesRefusal(limits, before, afterwards);
    }

    /// @inheritdoc IRiskEnvelope
    function limitsOf(address market, string calldata updateType) external view returns (Limits memory) {
        return _limitsOf(keyOf(market, updateType));
    }

    /// @inheritdoc IRiskEnvelope
    function fieldCount(bytes32 key) external view returns (uint256) {
        return _limits[key] == address(0) ? 0 : _limitsOf(key).fields.length;
    }

    /// @inheritdoc IRiskEnvelope
    function driftOf(bytes32 key) external view returns (uint256[] memory week, uint256[] memory month) {
        uint256 count = _limitsOf(key).fields.length;
        (week, month) = (new uint256[](count), new uint256[](count));
        for (uint256 i = 0; i < count; ++i) {
            DriftBudget.Sums memory sums = _drift[key][i / LANES].load(_today());
            (week[i], month[i]) = (sums.week[i % LANES], sums.month[i % LANES]);
        }
    }

    /// @inheritdoc IRiskEnvelope
    function delayedFrom(bytes32 key) external view returns (uint64) {
        return _drift[key][0].load(_today()).mark;
    }

    /// @inheritdoc IRiskEnvelope
    function keyOf(address market, string calldata updateType) public pure returns (bytes32) {
        return keccak256(abi.encode(market, updateType));
    }

    // --------------------------------------------------------------- internals

    function _checkLimits(Limits calldata limits) private pure {
        uint256 count = limits.fields.length;
        if (count == 0 || count > MAX_ITEMS) revert FieldCount(MAX_ITEMS, count);
        if (limits.rules.length > MAX_ITEMS) revert BadRule(MAX_ITEMS);
        if (limits.holdBps < ONE || limits.holdBps > MAX_HOLD_BPS) revert BadHoldFactor(limits.holdBps);
        for (uint256 i = 0; i < count; ++i) {
            FieldLimits calldata field = limits.fields[i];
            if (field.min > field.max || field.max > uint64(type(int64).max)) revert BadLimits(i);
            if (field.weekBudget > field.monthBudget || field.delayFree == Direction.Both) revert BadLimits(i);
        }
        for (uint256 i = 0; i < limits.rules.length; ++i) {
            _checkRule(limits, i);
        }
    }

    function _checkRule(Limits calldata limits, uint256 index) private pure {
        Rule calldata rule = limits.rules[index];
        uint256 count = limits.fields.length;
        if (rule.a >= count || rule.b >= count || rule.c >= count) revert BadRule(index);
        if (rule.kind == RuleKind.Growth && (rule.low > rule.high || rule.a == rule.b)) revert BadRule(index);
        if (rule.kind == RuleKind.Threshold) {
            if (limits.fields[rule.a].delayFree == Direction.Up) revert MayNotSkip(rule.a);
            if (limits.fields[rule.b].delayFree != Direction.None) revert MayNotSkip(rule.b);
        }
        if (rule.kind == RuleKind.Bonus && limits.fields[rule.a].delayFree != Direction.None) {
            revert MayNotSkip(rule.a);
        }
    }

    /// @dev Soft limits first: what keeps them keeps them times `holdBps` as well. Steps are bounded before joint rules, whose
    /// products rely on it.
    function _evaluate(bytes32 key, uint256[] memory previous, uint256[] memory next, bool approved)
        private
        view
        returns (Verdict verdict, bytes memory reason, Charge memory charge)
    {
        Limits memory limits = _limitsOf(key);
        reason = _fieldsRefusal(limits, previous, next);
        if (reason.length != 0) return (Verdict.Rejected, reason, charge);
        charge = _chargeOf(key, limits, previous, next);
        bytes memory soft = _softRefusal(limits, previous, next, charge, ONE);
        if (soft.length != 0) reason = _softRefusal(limits, previous, next, charge, limits.holdBps);
        if (reason.length == 0) reason = _rulesRefusal(limits, previous, next);
        if (reason.length == 0) reason = _delayRefusal(limits, charge);
        if (reason.length != 0) return (Verdict.Rejected, reason, charge);
        if (soft.length == 0 || approved) return (Verdict.Passed, "", charge);
        return (Verdict.Held, soft, charge);
    }

    function _fieldsRefusal(Limits memory limits, uint256[] memory previous, uint256[] memory next)
        private
        pure
        returns (bytes memory reason)
    {
        uint256 count = limits.fields.length;
        if (next.length != count) return abi.encodeWithSelector(FieldCount.selector, count, next.length);
        bool first = previous.length == 0;
        if (!first && previous.length != count) {
            return abi.encodeWithSelector(FieldCount.selector, count, previous.length);
        }
        for (uint256 i = 0; i < count; ++i) {
            reason = EnvelopeRules.boundsRefusal(limits.fields[i], i, next[i]);
            if (reason.length == 0 && !first) {
                reason = EnvelopeRules.directionRefusal(limits.fields[i], i, previous[i], next[i]);
            }
            if (reason.length != 0) return reason;
        }
    }

    function _softRefusal(
        Limits memory limits,
        uint256[] memory previous,
        uint256[] memory next,
        Charge memory charge,
        uint256 factorBps
    ) private pure returns (bytes memory reason) {
        if (previous.length == 0) return "";
        reason = _stepsRefusal(limits, previous, next, factorBps);
        if (reason.length == 0) reason = _driftRefusal(limits, charge, factorBps);
    }

    function _stepsRefusal(Limits memory limits, uint256[] memory previous, uint256[] memory next, uint256 factorBps)
        private
        pure
        returns (bytes memory reason)
    {
        for (uint256 i = 0; i < next.length; ++i) {
            reason = EnvelopeRules.stepRefusal(limits.fields[i], i, previous[i], next[i], factorBps);
            if (reason.length != 0) return reason;
        }
    }

    function _driftRefusal(Limits memory limits, Charge memory charge, uint256 factorBps)
        private
        pure
        returns (bytes memory)
    {
        for (uint256 i = 0; i < limits.fields.length; ++i) {
            (uint256 g, uint256 lane) = (i / LANES, i % LANES);
            uint256 change = charge.changes[g][lane];
            // What does not move may be released however much has been spent.
            if (change == 0) continue;
            uint256 budget = EnvelopeRules.scaled(limits.fields[i].weekBudget, factorBps);
            uint256 sum = charge.sums[g].week[lane] + change;
            if (sum > budget) return abi.encodeWithSelector(DriftExceeded.selector, i, 7, budget, sum);
            budget = EnvelopeRules.scaled(limits.fields[i].monthBudget, factorBps);
            sum = charge.sums[g].month[lane] + change;
            if (sum > budget) return abi.encodeWithSelector(DriftExceeded.selector, i, 30, budget, sum);
        }
        return "";
    }

    function _rulesRefusal(Limits memory limits, uint256[] memory previous, uint256[] memory next)
        private
        view
        returns (bytes memory reason)
    {
        for (uint256 i = 0; i < limits.rules.length; ++i) {
            reason = EnvelopeRules.ruleRefusal(limits.rules[i], previous, next, block.timestamp);
            if (reason.length != 0) return reason;
        }
    }

    function _delayRefusal(Limits memory limits, Charge memory charge) private view returns (bytes memory) {
        uint256 last = charge.sums[0].mark;
        uint256 earliest = last + limits.minDelay;
        if (last == 0 || charge.delayFree || block.timestamp >= earliest) return "";
        return abi.encodeWithSelector(TooSoon.selector, earliest, block.timestamp);
    }

    function _chargeOf(bytes32 key, Limits memory limits, uint256[] memory previous, uint256[] memory next)
        private
        view
        returns (Charge memory charge)
    {
        uint256 groups = (next.length + LANES - 1) / LANES;
        charge.sums = new DriftBudget.Sums[](groups);
        charge.changes = new uint256[3][](groups);
        for (uint256 g = 0; g < groups; ++g) {
            charge.sums[g] = _drift[key][g].load(_today());
        }
        if (previous.length == 0) return charge;
        bool moved = false;
        bool free = true;
        for (uint256 i = 0; i < next.length; ++i) {
            uint256 change = EnvelopeRules.distance(previous[i], next[i]);
            if (change == 0) continue;
            charge.changes[i / LANES][i % LANES] = change;
            moved = true;
            free = free && EnvelopeRules.movesWithin(limits.fields[i].delayFree, previous[i], next[i]);
        }
        charge.delayFree = moved && free;
    }

    /// @dev The month's sums fit in 64 bits: a budget times `holdBps` is cut to that, and they were found not to exceed it.
    function _charge(bytes32 key, Charge memory charge) private {
        for (uint256 g = 0; g < charge.sums.length; ++g) {
            if (g == 0 && !charge.delayFree) charge.sums[0].mark = uint64(block.timestamp);
            _drift[key][g].store(_today(), charge.sums[g], charge.changes[g]);
        }
    }

    function _limitsOf(bytes32 key) private view returns (Limits memory) {
        address at = _limits[key];
        if (at == address(0)) revert LimitsUnknown(key);
        return abi.decode(CodeStore.read(at), (Limits));
    }

    function _today() private view returns (uint256) {
        return block.timestamp / 1 days;
    }
}
