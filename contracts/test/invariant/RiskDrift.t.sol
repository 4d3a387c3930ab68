// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {RiskEnvelope} from "../../src/risk/RiskEnvelope.sol";
import {RiskOracle} from "../../src/risk/RiskOracle.sol";
import {RiskBase} from "../RiskBase.sol";

/// @notice Delivers vectors near the last one, approves what is held, lets time pass; keeps its own list of what changed.
contract DriftHandler is RiskBase {
    struct Change {
        uint256 time;
        uint256[3] by;
    }

    Change[] internal changes;
    uint256 public released;
    uint256 public approved;
    uint256 public refused;
    bool public lastWasApproved;

    constructor() {
        setUp();
    }

    function getEnvelope() external view returns (RiskEnvelope, bytes32) {
        return (envelope, riskKey);
    }

    /// Any vector within reach of the last good one: a third of them small, most past some limit now and then.
    function deliver(uint256 seed) external {
        uint256[] memory from = _from();
        uint256[] memory next = new uint256[](3);
        uint256 reach = seed % 3 == 0 ? 60 : 350;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 by = (seed >> (40 * i + 8)) % (i == 2 ? reach / 2 : reach);
            next[i] = (seed >> (40 * i + 2)) & 1 == 0 || from[i] < by ? from[i] + by : from[i] - by;
        }
        _deliver(next);
        _note(from, false);
    }

    function approve(uint256) external {
        bytes32 id = risk.heldOf(asset, TYPE).requestId;
        if (id == 0) return;
        uint256[] memory from = _from();
        vm.prank(riskGuardian);
        try risk.approve(asset, TYPE, id) {} catch {}
        _note(from, true);
    }

    function pass(uint32 time, bool far) external {
        vm.warp(block.timestamp + bound(time, 1 minutes, far ? 12 days : 1 days));
    }

    function _from() internal view returns (uint256[] memory from) {
        from = _latest();
        if (from.length == 0) from = _vector(6_500, 7_200, 500);
    }

    function _note(uint256[] memory from, bool byGuardian) internal {
        if (risk.updateCounter() == released) {
            ++refused;
            return;
        }
        ++released;
        if (byGuardian) ++approved;
        lastWasApproved = byGuardian;
        uint256[] memory to = _latest();
        Change memory change;
        change.time = block.timestamp;
        for (uint256 i = 0; i < 3; ++i) {
            change.by[i] = from[i] > to[i] ? from[i] - to[i] : to[i] - from[i];
        }
        changes.push(change);
    }

    /// @dev Greatest sum of absolute changes of a field in any window of that length that ends with a release.
    function worst(uint256 field, uint256 window, bool lastOnly) external view returns (uint256 most) {
        for (uint256 end = lastOnly ? changes.length - 1 : 0; end < changes.length; ++end) {
            uint256 sum = 0;
            for (uint256 i = 0; i <= end; ++i) {
                if (changes[i].time + window >= changes[end].time) sum += changes[i].by[field];
            }
            if (sum > most) most = sum;
        }
    }

    function lastMoved(uint256 field) external view returns (bool) {
        return changes[changes.length - 1].by[field] != 0;
    }
}

/// @notice Drift budgets are never exceeded, by the second and not only by the envelope's own days.
contract RiskDriftInvariant is RiskBase {
    DriftHandler internal handler;

    function setUp() public override {
        handler = new DriftHandler();
        bytes4[] memory verbs = new bytes4[](4);
        verbs[0] = DriftHandler.deliver.selector;
        verbs[1] = DriftHandler.deliver.selector;
        verbs[2] = DriftHandler.approve.selector;
        verbs[3] = DriftHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// Whoever approves: never more than `holdBps` of a budget. Without approval: never more than the budget.
    function invariant_driftStaysWithinBudgets() public view {
        if (handler.released() == 0) return;
        IRiskEnvelope.Limits memory limits = _limits3();
        for (uint256 i = 0; i < 3; ++i) {
            assertLe(handler.worst(i, 7 days, false), 2 * uint256(limits.fields[i].weekBudget));
            assertLe(handler.worst(i, 30 days, false), 2 * uint256(limits.fields[i].monthBudget));
            if (handler.lastWasApproved() || !handler.lastMoved(i)) continue;
            assertLe(handler.worst(i, 7 days, true), limits.fields[i].weekBudget);
            assertLe(handler.worst(i, 30 days, true), limits.fields[i].monthBudget);
        }
    }

    /// The handler does reach budgets, holds and approvals (otherwise the invariant would hold for nothing).
    function test_theHandlerSpendsBudgets() public {
        uint256 seed = 7;
        for (uint256 i = 0; i < 120; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            handler.deliver(seed);
            if (i % 3 == 0) handler.approve(0);
            handler.pass(uint32(seed >> 8), false);
        }
        invariant_driftStaysWithinBudgets();
        assertGt(handler.released(), 20);
        assertGt(handler.approved(), 2);
        assertGt(handler.refused(), 20);
        assertGt(handler.worst(0, 7 days, false), 900);
    }
}
