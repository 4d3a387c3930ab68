// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

contract BatchTest is Base {
    function _batch(bytes32[] memory ids) internal view returns (Delivery memory d) {
        d = _delivery(ids[0], model, AGGREGATED);
        d.ids = ids;
        d.slots = new IDodonaOracle.Slot[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            d.slots[i] = _slot(model);
            d.slots[i].outputWords[0] += i;
        }
    }

    function _openMany(uint256 count) internal returns (bytes32[] memory ids) {
        ids = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            ids[i] = _request(_params(model, AGGREGATED));
        }
    }

    function test_oneProofManyAnswers() public {
        Delivery memory d = _prove(_batch(_openMany(3)));
        _fulfil(d);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(oracle.answerOf(d.ids[i]).outputs[0], int64(int256(650_000 + i)));
        }
        assertEq(oracle.creditOf(address(0), operator), 0.009 ether);
    }

    /// Slot i belongs to id i: handing the answers out in another order is another statement.
    function test_refusesSwappedSlots() public {
        Delivery memory d = _prove(_batch(_openMany(2)));
        (d.slots[0], d.slots[1]) = (d.slots[1], d.slots[0]);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function test_refusesSwappedIds() public {
        Delivery memory d = _prove(_batch(_openMany(2)));
        (d.ids[0], d.ids[1]) = (d.ids[1], d.ids[0]);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_aSettledOneIsPassedOver(uint8 which) public {
        which = which % 3;
        bytes32[] memory ids = _openMany(3);
        _fulfil(_prove(_delivery(ids[which], model, AGGREGATED)));
        Delivery memory d = _prove(_batch(ids));
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Skipped(ids[which], IDodonaOracle.Outcome.AlreadySettled);
        IDodonaOracle.Outcome[] memory outcomes = _fulfil(d);
        for (uint256 i = 0; i < 3; ++i) {
            bool settled = i == which;
            assertEq(uint256(outcomes[i]), settled ? 1 : 0);
            assertEq(oracle.answerOf(ids[i]).outputs[0], int64(int256(650_000 + (settled ? 0 : i))));
        }
        assertEq(oracle.creditOf(address(0), operator), 0.009 ether);
        assertEq(oracle.totalEscrow(address(0)), 0);
    }

    function test_anExpiredOneIsPassedOverAndStaysRefundable() public {
        bytes32[] memory ids = new bytes32[](2);
        IDodonaOracle.RequestParams memory params = _params(model, AGGREGATED);
        params.deadline = uint64(block.timestamp + 10);
        ids[0] = _request(params);
        ids[1] = _request(_params(model, AGGREGATED));
        Delivery memory d = _prove(_batch(ids));
        vm.warp(block.timestamp + 11);
        IDodonaOracle.Outcome[] memory outcomes = _fulfil(d);
        assertEq(uint256(outcomes[0]), uint256(IDodonaOracle.Outcome.Expired));
        assertEq(uint256(outcomes[1]), uint256(IDodonaOracle.Outcome.Delivered));
        oracle.refund(ids[0]);
        assertEq(oracle.creditOf(address(0), user), 0.003 ether);
        assertEq(oracle.creditOf(address(0), operator), 0.003 ether);
    }

    /// One slot's observation is refused in many ways; the others are delivered, and the refused one stays open.
    function testFuzz_aFailingOneIsPassedOver(uint8 which, uint8 how) public {
        which = which % 3;
        how = uint8(bound(how, 0, 5));
        bytes32[] memory ids = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            IDodonaOracle.RequestParams memory params = _params(model, AGGREGATED);
            if (i == which && how == 4) params.maxDeliveryAge = 31;
            ids[i] = _request(params);
        }
        Delivery memory d = _batch(ids);
        bytes memory reason = _spoil(d, which, how);
        _prove(d);
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Rejected(ids[which], reason);
        IDodonaOracle.Outcome[] memory outcomes = _fulfil(d);
        for (uint256 i = 0; i < 3; ++i) {
            bool failed = i == which;
            assertEq(
                uint256(outcomes[i]), uint256(failed ? IDodonaOracle.Outcome.Rejected : IDodonaOracle.Outcome.Delivered)
            );
            assertEq(_status(ids[i]), failed ? 1 : 2);
        }
        assertEq(oracle.creditOf(address(0), operator), 0.006 ether);
        assertEq(oracle.totalEscrow(address(0)), 0.003 ether);
    }

    /// With nothing left to deliver the call says what was wrong with the first.
    function testFuzz_revertsWithTheFirstReason(uint8 first, uint8 second) public {
        first = uint8(bound(first, 0, 3));
        second = uint8(bound(second, 0, 3));
        Delivery memory d = _batch(_openMany(2));
        bytes memory reason = _spoil(d, 0, first);
        _spoil(d, 1, second);
        _expectFulfilRevert(_prove(d), reason);
    }

    /// What was refused is part of what is proved all the same.
    function test_wordsOfAFailingOneAreProved() public {
        Delivery memory d = _batch(_openMany(2));
        _spoil(d, 1, 1);
        _prove(d);
        d.slots[1].outputWords[0] += 1;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    /// Spoils the whole instance, not one slot: nothing is delivered.
    function testFuzz_anIllFormedWordSinksTheBatch(uint8 which, uint256 word) public {
        which = which % 3;
        Delivery memory d = _prove(_batch(_openMany(3)));
        word = bound(word, Words.R, type(uint256).max);
        d.slots[which].outputWords[0] = word;
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.WordNotInField.selector, 2 + 2 * uint256(which), word)
        );
    }

    /// @dev Makes one slot's observation bad in way `how`; returns what the oracle should say of it.
    function _spoil(Delivery memory d, uint256 i, uint8 how) internal returns (bytes memory) {
        bytes32 id = d.ids[i];
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        if (how == 0) {
            d.slots[i].observations[0] = _sign(header, 999);
            return abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, feed, 1, vm.addr(999));
        }
        if (how == 1) {
            header.seq -= 11;
            header.observedAt = header.seq * PERIOD;
            d.slots[i].observations[0] = _sign(header, key1);
            return abi.encodeWithSelector(
                IDodonaOracle.ObservationOutOfWindow.selector, id, START - 10 minutes, START, header.observedAt
            );
        }
        if (how == 2) {
            header.feedId = bytes32(uint256(5));
            d.slots[i].observations[0].header = header;
            return abi.encodeWithSelector(IDodonaOracle.WrongFeed.selector, id, 0, feed, header.feedId);
        }
        if (how == 3) {
            header.validUntil = uint64(START - 1);
            d.slots[i].observations[0] = _sign(header, key1);
            return abi.encodeWithSelector(IDodonaOracle.ObservationNoLongerValid.selector, id, START, header.validUntil);
        }
        if (how == 4) {
            vm.warp(START + 30);
            return abi.encodeWithSelector(IDodonaOracle.DeliveredTooLate.selector, id, START - 1, header.observedAt);
        }
        // Accepted by another operator.
        address rival = makeAddr("rival");
        _enlist(rival);
        IDodonaOracle.SignedHeader[] memory observations = _slot(model).observations;
        vm.prank(rival);
        oracle.accept(id, rival, observations);
        return abi.encodeWithSelector(IDodonaOracle.AcceptedOtherwise.selector, id, START + oracle.ACCEPT_WINDOW());
    }

    function test_refusesDuplicateId() public {
        bytes32[] memory ids = _openMany(2);
        ids[1] = ids[0];
        _expectFulfilRevert(_prove(_batch(ids)), abi.encodeWithSelector(IDodonaOracle.DuplicateId.selector, ids[0]));
    }

    function testFuzz_refusesUnsupportedBatch(uint8 count) public {
        count = uint8(bound(count, 4, 9));
        Delivery memory d = _batch(_openMany(count));
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.BatchSizeNotSupported.selector, model, AGGREGATED, count)
        );
    }

    function test_refusesDirectBatch() public {
        bytes32[] memory ids = new bytes32[](2);
        ids[0] = _request(_params(model, DIRECT));
        ids[1] = _request(_params(model, DIRECT));
        Delivery memory d = _batch(ids);
        d.mode = DIRECT;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.BatchSizeNotSupported.selector, model, DIRECT, 2));
    }

    function test_refusesEmptyBatch() public {
        Delivery memory d;
        d.payee = operator;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.EmptyBatch.selector));
    }

    function testFuzz_refusesSlotCount(uint8 slots) public {
        slots = uint8(bound(slots, 0, 6));
        vm.assume(slots != 2);
        Delivery memory d = _batch(_openMany(2));
        d.slots = new IDodonaOracle.Slot[](slots);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.SlotCount.selector, 2, slots));
    }

    function test_refusesMixedModels() public {
        bytes32[] memory ids = _openMany(2);
        ids[1] = _request(_params(quorumModel, AGGREGATED));
        _expectFulfilRevert(
            _batch(ids), abi.encodeWithSelector(IDodonaOracle.ModelMismatch.selector, ids[1], model, quorumModel)
        );
    }

    function test_refusesMixedModes() public {
        bytes32[] memory ids = _openMany(2);
        ids[1] = _request(_params(model, DIRECT));
        _expectFulfilRevert(
            _batch(ids), abi.encodeWithSelector(IDodonaOracle.ModeMismatch.selector, ids[1], DIRECT, AGGREGATED)
        );
    }

    function test_refusesMixedVersions() public {
        bytes32[] memory ids = _openMany(2);
        vm.startPrank(owner);
        uint32 next = router.addVersion(
            address(aggregated), address(aggregated).codehash, address(aggregatedRaw).codehash, DEV_SRS
        );
        vm.stopPrank();
        ids[1] = _request(_params(model, AGGREGATED));
        _expectFulfilRevert(
            _batch(ids), abi.encodeWithSelector(IDodonaOracle.VersionMismatch.selector, ids[1], aggregatedVersion, next)
        );
    }
}
