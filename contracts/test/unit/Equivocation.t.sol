// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FeedRegistry} from "../../src/FeedRegistry.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IPublisherBonds} from "../../src/interfaces/IPublisherBonds.sol";
import {BondBase} from "../BondBase.sol";
import {GreedyReporter, RefusesEther} from "../mocks/Recipients.sol";

contract EquivocationTest is BondBase {
    function testFuzz_slashesAll(uint96 extra, uint96 unbonding, bool swapped) public {
        extra = uint96(_edgy(extra, 1, type(uint96).max - MIN_BOND));
        unbonding = uint96(_edgy(unbonding, 1, MIN_BOND + extra));
        _bond(publisher1, extra);
        _unbond(publisher1, unbonding);
        uint256 total = uint256(MIN_BOND) + extra;
        uint256 reward = total / 5;
        (IFeedRegistry.ObservationHeader memory a, IFeedRegistry.ObservationHeader memory b) =
            swapped ? (_headerOf(6), _headerOf(5)) : (_headerOf(5), _headerOf(6));
        vm.expectEmit(address(feeds));
        emit IFeedRegistry.PublisherRevoked(bondedFeed, publisher1);
        vm.expectEmit(address(feeds));
        emit IFeedRegistry.EquivocationProved(
            bondedFeed, publisher1, 1, a.seq, feeds.digestOf(a), feeds.digestOf(b), reporter
        );
        vm.expectEmit(address(feeds));
        emit IPublisherBonds.Slashed(bondedFeed, publisher1, reporter, reward, total - reward);
        (address publisher, uint256 paid) = _report(a, b, key1, reporter);
        assertEq(publisher, publisher1);
        assertEq(paid, reward);
        IPublisherBonds.Bond memory entry = _bonded(publisher1);
        assertTrue(entry.revoked && entry.slashed);
        assertEq(uint256(entry.bonded) + entry.unbonding + entry.withdrawableAt, 0);
        assertEq(BURN.balance, total - reward);
        assertGe(BURN.balance * 10_000, total * feeds.BURNED_BPS(), "rounded against the reporter");
        assertEq(feeds.totalBonds(), 0);
        assertEq(feeds.rewardOf(reporter), reward);
        _assertSolvent();
    }

    function test_theRewardIsPulledOnce() public {
        _report(_headerOf(5), _headerOf(6), key1, reporter);
        vm.expectEmit(address(feeds));
        emit IPublisherBonds.RewardWithdrawn(reporter, user, 2 ether);
        uint256 before = user.balance;
        vm.startPrank(reporter);
        assertEq(feeds.withdrawReward(user), 2 ether);
        assertEq(user.balance, before + 2 ether);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NoReward.selector, reporter));
        feeds.withdrawReward(user);
        assertEq(address(feeds).balance, 0);
        assertEq(feeds.totalRewards(), 0);
    }

    function test_reenteringPaysOnce() public {
        GreedyReporter greedy = new GreedyReporter(feeds);
        _bond(publisher2, MIN_BOND);
        (IFeedRegistry.ObservationHeader memory a, IFeedRegistry.ObservationHeader memory b) =
            (_headerOf(5), _headerOf(6));
        greedy.report(a, _signature(a, key1), b, _signature(b, key1));
        greedy.withdraw();
        assertEq(greedy.received(), 2 ether);
        assertFalse(greedy.paidTwice());
        _assertSolvent();
    }

    function test_aRewardToNobodyIsRefused() public {
        _report(_headerOf(5), _headerOf(6), key1, reporter);
        address stubborn = address(new RefusesEther());
        vm.startPrank(reporter);
        vm.expectRevert(IPublisherBonds.ZeroRecipient.selector);
        feeds.withdrawReward(address(0));
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.TransferFailed.selector, stubborn, 2 ether));
        feeds.withdrawReward(stubborn);
        assertEq(feeds.rewardOf(reporter), 2 ether);
    }

    /// Whatever is different: what they hide, how long they are good for, the time that they claim.
    function testFuzz_anyDifferenceCounts(uint256 commitment, uint64 validUntil, uint64 observedAt) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(commitment);
        b.validUntil = validUntil;
        b.observedAt = observedAt;
        vm.assume(commitment != 5 || validUntil != a.validUntil || observedAt != a.observedAt);
        (address publisher,) = _report(a, b, key1, reporter);
        assertEq(publisher, publisher1);
    }

    function test_onlyValidUntilDiffers() public {
        IFeedRegistry.ObservationHeader memory b = _headerOf(5);
        ++b.validUntil;
        (, uint256 reward) = _report(_headerOf(5), b, key1, reporter);
        assertEq(reward, 2 ether);
    }

    /// The same header signed twice, with another nonce or in the signature's other form, is not two headers.
    function testFuzz_refusesOneHeader(uint256 commitment) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(commitment);
        _refused(a, a, key1, abi.encodeWithSelector(IFeedRegistry.SameHeader.selector, feeds.digestOf(a)));
    }

    function testFuzz_refusesTheOtherFormOfASignature(bool first) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key1, feeds.digestOf(first ? a : b));
        bytes32 high = bytes32(ORDER - uint256(s));
        bytes memory malleated = abi.encodePacked(r, high, v == 27 ? 28 : 27);
        bytes memory other = _signature(first ? b : a, key1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureS.selector, high));
        feeds.reportEquivocation(a, first ? malleated : other, b, first ? other : malleated);
    }

    function testFuzz_refusesSignatureForms(uint8 length, uint8 v) public {
        vm.assume(length != 65 && v != 27 && v != 28);
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        bytes memory good = _signature(a, key1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureLength.selector, 65, length));
        feeds.reportEquivocation(a, good, b, new bytes(length));
        bytes memory bad = _signature(b, key1);
        bad[64] = bytes1(v);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadSignatureV.selector, v));
        feeds.reportEquivocation(a, good, b, bad);
    }

    /// Two slots may hold two headers: other feed, other set, other number.
    function testFuzz_refusesTwoSlots(bytes32 feedId, uint32 epoch, uint64 seq) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        vm.assume(feedId != bondedFeed && epoch != 1 && seq != a.seq);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        b.seq = seq;
        _refused(a, b, key1, abi.encodeWithSelector(IFeedRegistry.NotOneSlot.selector, "seq"));
        b.setEpoch = epoch;
        _refused(a, b, key1, abi.encodeWithSelector(IFeedRegistry.NotOneSlot.selector, "setEpoch"));
        b.feedId = feedId;
        _refused(a, b, key1, abi.encodeWithSelector(IFeedRegistry.NotOneSlot.selector, "feedId"));
    }

    /// A publisher in both sets of a rotation may sign for each of them.
    function test_twoEpochsAreTwoSlots() public {
        vm.prank(feedOwner);
        feeds.rotate(bondedFeed, _pair(), 1 days);
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        b.setEpoch = 2;
        assertEq(feeds.verify(a, _signature(a, key1)), publisher1);
        assertEq(feeds.verify(b, _signature(b, key1)), publisher1);
        _refused(a, b, key1, abi.encodeWithSelector(IFeedRegistry.NotOneSlot.selector, "setEpoch"));
    }

    function test_refusesTwoPublishers() public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        (bytes memory first, bytes memory second) = (_signature(a, key1), _signature(b, key2));
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.SignersDiffer.selector, publisher1, publisher2));
        feeds.reportEquivocation(a, first, b, second);
    }

    function testFuzz_refusesStrangers(uint256 key, uint32 epoch) public {
        key = _edgy(key, 1, ORDER - 1);
        if (key == key1 || key == key2) epoch = uint32(_edgy(epoch, 2, type(uint32).max));
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        a.setEpoch = b.setEpoch = epoch;
        _refused(
            a, b, key, abi.encodeWithSelector(IFeedRegistry.NotPublisher.selector, bondedFeed, epoch, vm.addr(key))
        );
    }

    /// What was signed for another registry, or on another chain, recovers to somebody else here.
    function testFuzz_refusesOtherDomains(uint64 chain) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        FeedRegistry elsewhere = new FeedRegistry();
        bytes memory first = _signature(a, key1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key1, elsewhere.digestOf(b));
        vm.expectPartialRevert(IFeedRegistry.SignersDiffer.selector);
        feeds.reportEquivocation(a, first, b, abi.encodePacked(r, s, v));
        uint256 home = block.chainid;
        chain = uint64(_edgy(chain, 1, type(uint64).max - 1));
        vm.assume(chain != home);
        vm.chainId(chain);
        bytes memory second = _signature(b, key1);
        vm.chainId(home);
        vm.expectPartialRevert(IFeedRegistry.SignersDiffer.selector);
        feeds.reportEquivocation(a, first, b, second);
    }

    // ------------------------------------------------------------------------- time

    function testFuzz_reportedWithinTheWindow(uint64 wait) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        vm.warp(_edgy(wait, START, uint256(a.observedAt) + feeds.EVIDENCE_WINDOW()));
        (address publisher,) = _report(a, b, key1, reporter);
        assertEq(publisher, publisher1);
    }

    /// Nor does a made-up time in the second header reopen the window.
    function testFuzz_refusesOldEvidence(uint64 wait, uint64 observedAt) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        uint256 until = uint256(a.observedAt) + feeds.EVIDENCE_WINDOW();
        b.observedAt = observedAt;
        vm.warp(_edgy(wait, until + 1, until + 3650 days));
        bytes memory reason = abi.encodeWithSelector(IFeedRegistry.EvidenceTooOld.selector, until, block.timestamp);
        _refused(a, b, key1, reason);
        _refused(b, a, key1, reason);
    }

    function testFuzz_numbersOfTheFutureCount(uint64 seq) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        a.seq = uint64(_edgy(seq, a.seq + 1, type(uint64).max));
        unchecked {
            a.observedAt = a.seq * PERIOD;
        }
        IFeedRegistry.ObservationHeader memory b = _headerOf(6);
        (b.seq, b.observedAt) = (a.seq, a.observedAt);
        (address publisher,) = _report(a, b, key1, reporter);
        assertEq(publisher, publisher1);
    }

    /// Everything that was good while the bond counted can be reported before the bond can be gone: the last header is
    /// one of `MAX_SKEW` ahead at the moment of the request.
    function testFuzz_unbondingOutlastsTheEvidence(uint64 wait) public {
        IFeedRegistry.ObservationHeader memory a = _headerOf(5);
        ++a.seq;
        a.observedAt += PERIOD;
        vm.warp(a.observedAt - feeds.MAX_SKEW());
        assertEq(feeds.verify(a, _signature(a, key1)), publisher1);
        _unbond(publisher1, MIN_BOND);
        uint256 reportable = uint256(a.observedAt) + feeds.EVIDENCE_WINDOW();
        assertGt(_bonded(publisher1).withdrawableAt, reportable);
        vm.warp(_edgy(wait, block.timestamp, reportable));
        vm.expectPartialRevert(IPublisherBonds.BondLocked.selector);
        vm.prank(publisher1);
        feeds.withdrawBond(bondedFeed, publisher1);
        IFeedRegistry.ObservationHeader memory b = a;
        (, uint256 reward) = _report(a, _changed(b), key1, reporter);
        assertEq(reward, MIN_BOND / 5);
    }

    function _changed(IFeedRegistry.ObservationHeader memory h)
        private
        pure
        returns (IFeedRegistry.ObservationHeader memory)
    {
        return
            IFeedRegistry.ObservationHeader(h.feedId, h.setEpoch, h.seq, h.commitment + 1, h.observedAt, h.validUntil);
    }

    // ------------------------------------------------------------------------ once

    function testFuzz_onceForAPublisher(bool samePair, bool swapped) public {
        _report(_headerOf(5), _headerOf(6), key1, reporter);
        bytes memory reason = abi.encodeWithSelector(IFeedRegistry.AlreadySlashed.selector, bondedFeed, publisher1);
        IFeedRegistry.ObservationHeader memory a = _headerOf(samePair ? 5 : 7);
        if (swapped) _refused(_headerOf(6), a, key1, reason);
        else _refused(a, _headerOf(6), key1, reason);
        assertEq(feeds.rewardOf(reporter), 2 ether);
    }

    /// Nothing to lose, and out all the same.
    function test_aPublisherWithoutBondIsRevoked() public {
        (address publisher, uint256 reward) = _report(_headerOf(5), _headerOf(6), key2, reporter);
        assertEq(publisher, publisher2);
        assertEq(reward, 0);
        assertEq(BURN.balance, 0);
        IFeedRegistry.ObservationHeader memory header = _headerOf(7);
        bytes memory signature = _signature(header, key2);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, bondedFeed, publisher2));
        feeds.verify(header, signature);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, bondedFeed, publisher2));
        feeds.recheck(header, signature);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, bondedFeed, publisher2));
        feeds.bond{value: 1 ether}(bondedFeed, publisher2);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NoReward.selector, reporter));
        vm.prank(reporter);
        feeds.withdrawReward(reporter);
    }

    /// The owner's revocation is no shelter.
    function test_aRevokedPublisherIsSlashed() public {
        vm.prank(feedOwner);
        feeds.revoke(bondedFeed, publisher1);
        (, uint256 reward) = _report(_headerOf(5), _headerOf(6), key1, reporter);
        assertEq(reward, 2 ether);
        assertEq(BURN.balance, 8 ether);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, bondedFeed, publisher1));
        vm.prank(feedOwner);
        feeds.revoke(bondedFeed, publisher1);
    }

    /// A publisher that was in an earlier set answers for it, though its epoch is over.
    function test_earlierSetsAnswerToo() public {
        address[] memory others = new address[](1);
        others[0] = publisher2;
        vm.startPrank(feedOwner);
        feeds.rotate(bondedFeed, others, 0);
        feeds.rotate(bondedFeed, others, 0);
        vm.stopPrank();
        (, uint256 reward) = _report(_headerOf(5), _headerOf(6), key1, reporter);
        assertEq(reward, 2 ether);
    }

    /// Reporting oneself to get out at once costs four fifths, whether or not one is unbonding already.
    function testFuzz_reportingOneselfIsNoExit(uint96 extra, uint96 unbonding) public {
        extra = uint96(_edgy(extra, 1, 1_000 ether));
        _bond(publisher1, extra);
        uint256 total = uint256(MIN_BOND) + extra;
        _unbond(publisher1, _edgy(unbonding, 1, total));
        _report(_headerOf(5), _headerOf(6), key1, publisher1);
        vm.startPrank(publisher1);
        uint256 got = feeds.withdrawReward(publisher1);
        assertLe(got, total / 5);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NothingUnbonding.selector, bondedFeed, publisher1));
        feeds.withdrawBond(bondedFeed, publisher1);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.UnbondTooHigh.selector, bondedFeed, publisher1, 0, 1));
        feeds.requestUnbond(bondedFeed, 1);
    }

    /// Others in the set, and the same publisher in other feeds, are not touched.
    function test_othersKeepTheirs() public {
        vm.prank(feedOwner);
        bytes32 other = feeds.createFeed("bonded", 16, PERIOD, 0, _pair(), "other");
        feeds.bond{value: 1 ether}(other, publisher1);
        _bond(publisher2, MIN_BOND);
        _report(_headerOf(5), _headerOf(6), key1, reporter);
        assertEq(_bonded(publisher2).bonded, MIN_BOND);
        assertEq(feeds.bondOf(other, publisher1).bonded, 1 ether);
        IFeedRegistry.ObservationHeader memory header = _headerOf(7);
        assertEq(feeds.verify(header, _signature(header, key2)), publisher2);
        header.feedId = other;
        assertEq(feeds.verify(header, _signature(header, key1)), publisher1);
    }
}
