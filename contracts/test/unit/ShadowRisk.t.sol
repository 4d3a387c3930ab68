// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskSource} from "../../src/interfaces/IRiskSource.sol";
import {IRiskValues} from "../../src/interfaces/IRiskTarget.sol";
import {IShadowRisk} from "../../src/interfaces/IShadowRisk.sol";
import {ShadowRisk} from "../../src/risk/ShadowRisk.sol";
import {RiskBase} from "../RiskBase.sol";
import {MockSteward} from "../mocks/Pool.sol";

contract ShadowRiskTest is RiskBase {
    ShadowRisk internal shadow;
    MockSteward internal steward;

    function setUp() public override {
        super.setUp();
        shadow = new ShadowRisk(owner, oracle);
        steward = new MockSteward();
        steward.set(_vector(6_500, 7_200, 500));
        vm.startPrank(owner);
        shadow.setSteward(asset, TYPE, steward);
        shadow.setSource(asset, TYPE, _shadowSource());
        vm.stopPrank();
    }

    function _shadowSource() internal view returns (IRiskSource.Source memory source) {
        source = _source();
        source.maxHeldAge = 0;
        source.seed = none;
    }

    function _askShadow() internal returns (bytes32 id) {
        uint256 fee = shadow.quoteUpdate(asset, TYPE, DIRECT);
        vm.prank(user);
        id = shadow.requestUpdate{value: fee}(asset, TYPE, DIRECT, user);
    }

    function _record(uint256[] memory values) internal returns (bytes32 id) {
        id = _askShadow();
        vm.prank(address(oracle));
        shadow.onDodonaAnswer(id, _answerOf(values, uint64(block.timestamp)));
    }

    /// A proven answer is recorded beside what the steward uses in that block, and has no effect anywhere.
    function test_recordsAProvenAnswerBesideTheStewards() public {
        bytes32 id = _askShadow();
        Delivery memory d = _proven(id, DIRECT, [int64(6_000), 7_100, 500], true, true);
        uint256[] memory absolute = _vector(500, 100, 0);
        uint256[] memory bps = _vector(770, 139, 0);
        vm.expectEmit(address(shadow));
        emit IShadowRisk.ShadowRecorded(
            id, asset, TYPE, _vector(6_000, 7_100, 500), _vector(6_500, 7_200, 500), absolute, bps
        );
        _fulfil(d);
        IShadowRisk.Record memory stored = shadow.recordOf(asset, TYPE);
        assertEq(stored.requestId, id);
        assertEq(stored.values, _vector(6_000, 7_100, 500));
        assertEq(stored.steward, _vector(6_500, 7_200, 500));
        assertEq(stored.observedAt, START / PERIOD * PERIOD);
        assertEq(stored.recordedAt, START);
        assertEq(shadow.lastObservedAt(asset, TYPE), stored.observedAt);
        assertEq(risk.updateCounter(), 0);
    }

    /// Running maxima and means over a sequence, against sums kept here.
    function testFuzz_distancesAddUp(uint256 seed) public {
        uint256[4] memory expected;
        for (uint256 n = 1; n <= 6; ++n) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(block.timestamp + 60);
            uint256 mine = seed % 20_000;
            uint256 theirs = (seed >> 64) % 20_000;
            steward.set(_vector(6_500, theirs, 500));
            _record(_vector(6_500, mine, 500));
            uint256 gap = mine > theirs ? mine - theirs : theirs - mine;
            uint256 bps = gap == 0 ? 0 : theirs == 0 ? type(uint32).max : (gap * 10_000 + theirs - 1) / theirs;
            expected[0] = gap > expected[0] ? gap : expected[0];
            expected[1] += gap;
            expected[2] = bps > expected[2] ? bps : expected[2];
            expected[3] += bps;
            (uint64 count, IShadowRisk.Distance[] memory fields) = shadow.distanceOf(asset, TYPE);
            assertEq(count, n);
            assertEq(fields[1].maxAbsolute, expected[0]);
            assertEq(fields[1].meanAbsolute, (expected[1] + n - 1) / n);
            assertEq(fields[1].maxBps, expected[2]);
            assertEq(fields[1].meanBps, (expected[3] + n - 1) / n);
            assertEq(abi.encode(fields[0]), abi.encode(IShadowRisk.Distance(0, 0, 0, 0)));
        }
    }

    /// A steward's sentinel, or 0, is as far away as the scale goes and stops nothing.
    function testFuzz_distancesAreCutOffAtTheScalesEnd(uint256 theirs) public {
        theirs = bound(theirs, uint256(type(uint64).max) + 10_000, type(uint256).max);
        steward.set(_vector(theirs, 7_200, 0));
        _record(_vector(6_500, 7_200, 500));
        (, IShadowRisk.Distance[] memory fields) = shadow.distanceOf(asset, TYPE);
        assertEq(fields[0].maxAbsolute, type(uint64).max);
        assertLe(fields[0].maxBps, 10_000);
        assertEq(fields[2].maxAbsolute, 500);
        assertEq(fields[2].maxBps, type(uint32).max);
    }

    /// A shadow is not judged: what the envelope would never release is recorded.
    function test_recordsWhatAnEnvelopeWouldRefuse() public {
        _record(_vector(9_900, 1, 60_000));
        assertEq(shadow.recordOf(asset, TYPE).values, _vector(9_900, 1, 60_000));
    }

    function test_isEmptyBeforeTheFirst() public view {
        (uint64 count, IShadowRisk.Distance[] memory fields) = shadow.distanceOf(asset, TYPE);
        assertEq(count, 0);
        assertEq(fields.length, 0);
        assertEq(shadow.recordOf(asset, TYPE).count, 0);
    }

    /// If the steward cannot be read nothing is recorded, and the callback may be tried again while the answer is fresh.
    function test_anUnreadableStewardLeavesTheAnswerForARetry() public {
        bytes32 id = _askShadow();
        steward.setBroken(true);
        _answer(id, DIRECT, [int64(6_000), 7_100, 500], true, true);
        assertTrue(oracle.callbackFailed(id));
        assertEq(shadow.recordOf(asset, TYPE).count, 0);
        steward.setBroken(false);
        oracle.retryCallback(id);
        assertEq(shadow.recordOf(asset, TYPE).count, 1);
    }

    function testFuzz_refusesAStewardOfAnotherLength(uint8 count) public {
        vm.assume(count != 3 && count < 30);
        steward.set(new uint256[](count));
        bytes32 id = _askShadow();
        vm.expectRevert(abi.encodeWithSelector(IShadowRisk.StewardFieldCount.selector, 3, count));
        vm.prank(address(oracle));
        shadow.onDodonaAnswer(id, _answerOf(_vector(1, 1, 1), uint64(START)));
    }

    function test_observedAtMustIncrease() public {
        _record(_vector(6_500, 7_200, 500));
        bytes32 id = _askShadow();
        vm.expectEmit(address(shadow));
        emit IRiskSource.UpdateRejected(
            id,
            asset,
            TYPE,
            abi.encodeWithSelector(IRiskSource.ObservationNotNewer.selector, uint64(START), uint64(START))
        );
        vm.prank(address(oracle));
        shadow.onDodonaAnswer(id, _answerOf(_vector(6_500, 7_200, 500), uint64(START)));
    }

    function test_stewardsAreSetOnceByTheOwner() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IShadowRisk.StewardAlreadySet.selector, asset, TYPE));
        shadow.setSteward(asset, TYPE, steward);
        vm.expectRevert(abi.encodeWithSelector(IShadowRisk.StewardUnknown.selector, asset, "other"));
        shadow.setSteward(asset, "other", IRiskValues(address(0)));
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.BadSource.selector, "steward", 0));
        shadow.setSource(asset, "other", _shadowSource());
        shadow.setSteward(asset, "other", steward);
        IRiskSource.Source memory source = _source();
        source.seed = none;
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.BadSource.selector, "maxHeldAge", MAX_HELD_AGE));
        shadow.setSource(asset, "other", source);
        source = _source();
        source.maxHeldAge = 0;
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.BadSource.selector, "seed", 3));
        shadow.setSource(asset, "other", source);
    }

    function testFuzz_onlyTheOwnerSetsStewards(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        shadow.setSteward(asset, "other", steward);
    }
}
