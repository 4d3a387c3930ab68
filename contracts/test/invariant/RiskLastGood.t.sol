// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IRiskOracle} from "../../src/interfaces/IRiskOracle.sol";
import {RiskOracle} from "../../src/risk/RiskOracle.sol";
import {RiskBase} from "../RiskBase.sol";

/// @notice Answers of every bad kind, and some good ones; owner and guardian do what they can.
contract LastGoodHandler is RiskBase {
    bytes32 public lastGoodHash;
    uint256 public releases;
    uint256 public rejections;
    uint256 public reverts;
    bytes32[] public history;
    bool public lost;

    constructor() {
        setUp();
        lastGoodHash = keccak256(abi.encode(_latest()));
    }

    function getRisk() external view returns (RiskOracle, address) {
        return (risk, asset);
    }

    function good(uint256 seed) external {
        uint256[] memory from = _latest();
        if (from.length == 0) from = _vector(6_500, 7_200, 500);
        for (uint256 i = 0; i < 3; ++i) {
            from[i] = (seed >> i) & 1 == 0 ? from[i] + (seed >> (8 + 8 * i)) % 40 : from[i] - (seed >> (8 + 8 * i)) % 40;
        }
        bytes32 id = _askRisk(uint8(seed % 2));
        _call(id, _answerOf(from, uint64(block.timestamp)), address(oracle));
    }

    function bad(uint256 seed, uint256 value) external {
        bytes32 id = _askRisk(DIRECT);
        uint256[] memory values = _vector(6_500, 7_200, 500);
        address caller = address(oracle);
        IDodonaOracle.Answer memory answer = _answerOf(values, uint64(block.timestamp));
        uint256 kind = seed % 9;
        if (kind == 0) answer.inDomain = false;
        else if (kind == 1) answer.unsaturated = false;
        else if (kind == 2) answer.outputs[seed % 3] = -int64(uint64(bound(value, 1, 1e15)));
        else if (kind == 3) answer.outputs[seed % 3] = int64(uint64(bound(value, 990_100, uint64(type(int64).max))));
        else if (kind == 4) answer.observedAt = uint64(bound(value, 0, risk.lastObservedAt(asset, TYPE)));
        else if (kind == 5) answer.modelId = bytes32(value);
        else if (kind == 6) answer.outputs = new int64[](value % 3);
        else if (kind == 7) caller = address(uint160(bound(value, 1, 1e18)));
        else id = bytes32(value);
        _call(id, answer, caller);
    }

    /// Held, dropped or approved.
    function hold(uint256 seed) external {
        uint256[] memory from = _latest();
        if (from.length == 0) from = _vector(6_500, 7_200, 500);
        from[0] = from[0] > 6_000 ? from[0] - 301 - seed % 300 : from[0];
        _call(_askRisk(DIRECT), _answerOf(from, uint64(block.timestamp)), address(oracle));
        bytes32 id = risk.heldOf(asset, TYPE).requestId;
        vm.startPrank(riskGuardian);
        if (seed % 2 == 0) {
            try risk.dismiss(asset, TYPE, id) {} catch {}
        } else {
            try risk.approve(asset, TYPE, id) {} catch {}
        }
        vm.stopPrank();
        _note();
    }

    function owners(uint256 seed) external {
        vm.startPrank(owner);
        try risk.setSource(asset, TYPE, _source()) {} catch {}
        try envelope.setLimits(asset, TYPE, _limits3()) {} catch {}
        try envelope.bind(address(uint160(seed))) {} catch {}
        try envelope.admit(riskKey, none, _vector(3_000, 4_000, 100), true) {} catch {}
        vm.stopPrank();
        _note();
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1 minutes, 2 days));
    }

    function _call(bytes32 id, IDodonaOracle.Answer memory answer, address caller) internal {
        vm.prank(caller);
        try risk.onDodonaAnswer(id, answer) {
            ++rejections;
        } catch {
            ++reverts;
        }
        _note();
    }

    /// @dev The last good value changes if and only if there is one more release, and every release stays as it was.
    function _note() internal {
        bytes32 now_ = keccak256(abi.encode(_latest()));
        uint256 count = risk.updateCounter();
        if (count == releases) {
            if (now_ != lastGoodHash) lost = true;
            return;
        }
        if (count != releases + 1) lost = true;
        releases = count;
        lastGoodHash = now_;
        history.push(keccak256(abi.encode(risk.getUpdateById(count))));
    }
}

/// @notice The last good value survives any sequence.
contract RiskLastGoodInvariant is RiskBase {
    LastGoodHandler internal handler;
    RiskOracle internal subject;
    address internal market;

    function setUp() public override {
        handler = new LastGoodHandler();
        (subject, market) = handler.getRisk();
        bytes4[] memory verbs = new bytes4[](6);
        verbs[0] = LastGoodHandler.good.selector;
        verbs[1] = LastGoodHandler.bad.selector;
        verbs[2] = LastGoodHandler.bad.selector;
        verbs[3] = LastGoodHandler.hold.selector;
        verbs[4] = LastGoodHandler.owners.selector;
        verbs[5] = LastGoodHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    function invariant_theLastGoodValueStays() public view {
        assertFalse(handler.lost());
        (uint256[] memory values, uint256 updateId,,) = subject.lastGood(market, TYPE);
        assertEq(updateId, handler.releases());
        assertEq(keccak256(abi.encode(values)), handler.lastGoodHash());
        uint64 before = 0;
        for (uint256 i = 1; i <= updateId; ++i) {
            IRiskOracle.RiskParameterUpdate memory update = subject.getUpdateById(i);
            assertEq(keccak256(abi.encode(update)), handler.history(i - 1));
            (,, uint64 observedAt,) = abi.decode(update.additionalData, (bytes32, bytes32, uint64, uint64));
            assertGt(observedAt, before);
            before = observedAt;
            _assertHardLimits(abi.decode(update.newValue, (uint256[])));
        }
    }

    function _assertHardLimits(uint256[] memory v) internal pure {
        assertEq(v.length, 3);
        assertTrue(v[0] >= 3_000 && v[0] <= v[1] && v[1] >= 4_000 && v[1] <= 9_900 && v[2] >= 100 && v[2] <= 2_000);
        assertLe(v[1] * (10_000 + v[2]), 100_000_000);
    }

    /// The handler releases, rejects and reverts (otherwise the invariant would hold for nothing).
    function test_theHandlerReachesAllEnds() public {
        uint256 seed = 3;
        for (uint256 i = 0; i < 60; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            handler.pass(uint32(seed));
            if (i % 3 == 0) handler.good(seed);
            else if (i % 3 == 1) handler.bad(seed, seed >> 16);
            else handler.hold(seed);
            handler.owners(seed);
        }
        invariant_theLastGoodValueStays();
        assertGt(handler.releases(), 10);
        assertGt(handler.rejections(), 20);
        assertGt(handler.reverts(), 2);
    }
}
