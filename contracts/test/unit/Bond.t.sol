// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IPublisherBonds} from "../../src/interfaces/IPublisherBonds.sol";
import {BondBase} from "../BondBase.sol";
import {RefusesEther} from "../mocks/Recipients.sol";

contract BondTest is BondBase {
    function testFuzz_anyoneBondsInThePublishersFavour(address from, uint96 first, uint96 second) public {
        vm.assume(from != address(feeds));
        first = uint96(_edgy(first, 1, type(uint96).max - 1));
        second = uint96(_edgy(second, 1, type(uint96).max - first));
        vm.deal(from, uint256(first) + second);
        vm.expectEmit(address(feeds));
        emit IPublisherBonds.Bonded(bondedFeed, publisher2, from, first);
        vm.startPrank(from);
        feeds.bond{value: first}(bondedFeed, publisher2);
        feeds.bond{value: second}(bondedFeed, publisher2);
        vm.stopPrank();
        assertEq(_bonded(publisher2).bonded, uint256(first) + second);
        assertEq(feeds.totalBonds(), uint256(first) + second + MIN_BOND);
        _assertSolvent();
    }

    function testFuzz_refusesMoreThanFits(uint128 amount, uint96 before) public {
        before = uint96(_edgy(before, 1, type(uint96).max));
        _bond(publisher2, before);
        amount = uint128(_edgy(amount, uint256(type(uint96).max) - before + 1, type(uint128).max));
        _unbond(publisher2, 1 + amount % before);
        vm.deal(user, amount);
        vm.expectRevert(
            abi.encodeWithSelector(IPublisherBonds.BondTooHigh.selector, type(uint96).max, uint256(before) + amount)
        );
        vm.prank(user);
        feeds.bond{value: amount}(bondedFeed, publisher2);
    }

    function test_refusesNothing() public {
        vm.expectRevert(IPublisherBonds.ZeroAmount.selector);
        feeds.bond(bondedFeed, publisher1);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.BadFeed.selector, "publisher", 0));
        feeds.bond{value: 1}(bondedFeed, address(0));
    }

    function testFuzz_refusesUnknownFeeds(bytes32 id) public {
        vm.assume(id != feed && id != bondedFeed);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.FeedUnknown.selector, id));
        feeds.bond{value: 1}(id, publisher1);
    }

    function testFuzz_refusesRevokedPublishers(uint96 amount) public {
        vm.prank(feedOwner);
        feeds.revoke(bondedFeed, publisher2);
        amount = uint96(_edgy(amount, 1, type(uint96).max));
        vm.deal(user, amount);
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.PublisherIsRevoked.selector, bondedFeed, publisher2));
        vm.prank(user);
        feeds.bond{value: amount}(bondedFeed, publisher2);
    }

    // --------------------------------------------------------- what counts at verification

    function testFuzz_verifyWantsTheLeastBond(uint96 amount, bool wide) public {
        amount = uint96(_edgy(amount, MIN_BOND - 1, MIN_BOND));
        if (wide) amount = uint96(bound(amount, 1, MIN_BOND * 2));
        _bond(publisher2, amount);
        IFeedRegistry.ObservationHeader memory header = _headerOf(5);
        bytes memory signature = _signature(header, key2);
        if (amount < MIN_BOND) {
            vm.expectRevert(
                abi.encodeWithSelector(IPublisherBonds.BondTooLow.selector, bondedFeed, publisher2, MIN_BOND, amount)
            );
        }
        address publisher = feeds.verify(header, signature);
        if (amount >= MIN_BOND) assertEq(publisher, publisher2);
    }

    /// What is on its way out counts no longer, from the very block of the request.
    function testFuzz_unbondingDoesNotCount(uint96 extra, uint96 taken) public {
        extra = uint96(_edgy(extra, 1, 100 ether));
        taken = uint96(_edgy(taken, 1, MIN_BOND + extra));
        _bond(publisher1, extra);
        _unbond(publisher1, taken);
        uint256 left = uint256(MIN_BOND) + extra - taken;
        IFeedRegistry.ObservationHeader memory header = _headerOf(5);
        bytes memory signature = _signature(header, key1);
        if (left < MIN_BOND) {
            vm.expectRevert(
                abi.encodeWithSelector(IPublisherBonds.BondTooLow.selector, bondedFeed, publisher1, MIN_BOND, left)
            );
        }
        feeds.verify(header, signature);
    }

    /// One feed's bond says nothing in another.
    function test_aBondIsOfOneFeed() public {
        vm.prank(feedOwner);
        bytes32 other = feeds.createFeed("bonded", 16, PERIOD, MIN_BOND, _pair(), "other");
        IFeedRegistry.ObservationHeader memory header = _headerOf(5);
        header.feedId = other;
        bytes memory signature = _signature(header, key1);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.BondTooLow.selector, other, publisher1, MIN_BOND, 0));
        feeds.verify(header, signature);
    }

    // ------------------------------------------------------------------ getting it back

    function testFuzz_unbondsAndWithdraws(uint96 amount, uint64 later, address to) public {
        vm.assume(uint160(to) > 0xffff && to.code.length == 0 && to != address(vm));
        amount = uint96(_edgy(amount, 1, MIN_BOND));
        uint256 at = START + feeds.UNBONDING_TIME();
        vm.expectEmit(address(feeds));
        emit IPublisherBonds.UnbondRequested(bondedFeed, publisher1, amount, at);
        _unbond(publisher1, amount);
        IPublisherBonds.Bond memory entry = _bonded(publisher1);
        assertEq(entry.bonded, MIN_BOND - amount);
        assertEq(entry.unbonding, amount);
        assertEq(entry.withdrawableAt, at);
        vm.warp(at + later % 3650 days);
        uint256 before = to.balance;
        vm.expectEmit(address(feeds));
        emit IPublisherBonds.BondWithdrawn(bondedFeed, publisher1, to, amount);
        vm.prank(publisher1);
        assertEq(feeds.withdrawBond(bondedFeed, to), amount);
        assertEq(to.balance, before + amount);
        assertEq(feeds.totalBonds(), MIN_BOND - amount);
        entry = _bonded(publisher1);
        assertEq(entry.unbonding, 0);
        assertEq(entry.withdrawableAt, 0);
        _assertSolvent();
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NothingUnbonding.selector, bondedFeed, publisher1));
        vm.prank(publisher1);
        feeds.withdrawBond(bondedFeed, to);
    }

    function testFuzz_refusesToPayTooSoon(uint64 wait) public {
        uint256 at = START + feeds.UNBONDING_TIME();
        _unbond(publisher1, 1 ether);
        vm.warp(_edgy(wait, START, at - 1));
        vm.expectRevert(
            abi.encodeWithSelector(IPublisherBonds.BondLocked.selector, bondedFeed, publisher1, at, block.timestamp)
        );
        vm.prank(publisher1);
        feeds.withdrawBond(bondedFeed, publisher1);
    }

    /// Otherwise the wait for a small amount could be collected in advance for a large one.
    function testFuzz_aFurtherRequestRestartsTheWait(uint64 wait) public {
        wait = uint64(_edgy(wait, 1, feeds.UNBONDING_TIME()));
        _unbond(publisher1, 1);
        vm.warp(START + wait);
        _unbond(publisher1, 5 ether);
        uint256 at = START + wait + feeds.UNBONDING_TIME();
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.BondLocked.selector, bondedFeed, publisher1, at, at - 1));
        vm.prank(publisher1);
        feeds.withdrawBond(bondedFeed, publisher1);
        vm.warp(at);
        vm.prank(publisher1);
        assertEq(feeds.withdrawBond(bondedFeed, publisher1), 5 ether + 1);
    }

    function testFuzz_refusesToUnbondMoreThanCounts(uint256 amount, uint96 taken) public {
        taken = uint96(_edgy(taken, 1, MIN_BOND));
        _unbond(publisher1, taken);
        amount = _edgy(amount, uint256(MIN_BOND) - taken + 1, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPublisherBonds.UnbondTooHigh.selector, bondedFeed, publisher1, MIN_BOND - taken, amount
            )
        );
        _unbond(publisher1, amount);
    }

    function test_refusesToUnbondNothing() public {
        vm.expectRevert(IPublisherBonds.ZeroAmount.selector);
        _unbond(publisher1, 0);
    }

    /// Whoever paid a bond has no claim on it, and nobody else has.
    function testFuzz_onlyThePublisherGetsItBack(address caller) public {
        vm.assume(caller != publisher1);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.UnbondTooHigh.selector, bondedFeed, caller, 0, MIN_BOND));
        _unbond(caller, MIN_BOND);
        _unbond(publisher1, MIN_BOND);
        vm.warp(START + feeds.UNBONDING_TIME());
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NothingUnbonding.selector, bondedFeed, caller));
        vm.prank(caller);
        feeds.withdrawBond(bondedFeed, caller);
    }

    function test_refusesRecipientsThatTakeNothing() public {
        address stubborn = address(new RefusesEther());
        _unbond(publisher1, 1 ether);
        vm.warp(START + feeds.UNBONDING_TIME());
        vm.startPrank(publisher1);
        vm.expectRevert(IPublisherBonds.ZeroRecipient.selector);
        feeds.withdrawBond(bondedFeed, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.TransferFailed.selector, stubborn, 1 ether));
        feeds.withdrawBond(bondedFeed, stubborn);
        assertEq(feeds.withdrawBond(bondedFeed, publisher1), 1 ether);
    }

    /// A feed's owner at worst: it ends the feed for its publishers. Their bonds stay theirs.
    function testFuzz_theFeedOwnerCannotTouchBonds(uint64 later) public {
        vm.startPrank(feedOwner);
        feeds.revoke(bondedFeed, publisher1);
        feeds.rotate(bondedFeed, _pair(), 0);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.UnbondTooHigh.selector, bondedFeed, feedOwner, 0, 1));
        feeds.requestUnbond(bondedFeed, 1);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NothingUnbonding.selector, bondedFeed, feedOwner));
        feeds.withdrawBond(bondedFeed, feedOwner);
        vm.expectRevert(abi.encodeWithSelector(IPublisherBonds.NoReward.selector, feedOwner));
        feeds.withdrawReward(feedOwner);
        vm.stopPrank();
        assertEq(_bonded(publisher1).bonded, MIN_BOND);
        _unbond(publisher1, MIN_BOND);
        vm.warp(START + feeds.UNBONDING_TIME() + later % 3650 days);
        vm.prank(publisher1);
        assertEq(feeds.withdrawBond(bondedFeed, publisher1), MIN_BOND);
    }
}
