// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {OperatorStaking} from "../../src/OperatorStaking.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";

contract Unpayable {}

contract StakingTest is Test {
    OperatorStaking internal staking;
    address internal operator = makeAddr("operator");
    address internal oracle = makeAddr("oracle");
    address internal victim = makeAddr("victim");

    function setUp() public {
        vm.warp(1_800_000_000);
        staking = new OperatorStaking();
        vm.deal(operator, 100 ether);
        vm.startPrank(operator);
        staking.stake{value: 10 ether}();
        staking.authorise(oracle);
        vm.stopPrank();
    }

    function _reserve(uint256 amount) internal {
        vm.prank(oracle);
        staking.reserve(operator, amount);
    }

    function testFuzz_stakes(uint96 amount) public {
        amount = uint96(bound(amount, 1, 90 ether));
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Staked(operator, amount);
        vm.prank(operator);
        staking.stake{value: amount}();
        assertEq(staking.freeStakeOf(operator), 10 ether + uint256(amount));
        assertEq(staking.totalStake(), address(staking).balance);
    }

    function test_refusesToStakeNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ZeroAmount.selector));
        vm.prank(operator);
        staking.stake();
    }

    function testFuzz_reservesAndReleases(uint96 amount, uint96 back) public {
        amount = uint96(bound(amount, 0, 10 ether));
        back = uint96(bound(back, 0, amount));
        _reserve(amount);
        assertEq(staking.freeStakeOf(operator), 10 ether - amount);
        vm.prank(oracle);
        staking.release(operator, back);
        assertEq(staking.freeStakeOf(operator), 10 ether - amount + back);
        assertEq(staking.reservedBy(operator, oracle), amount - back);
        assertEq(staking.accountOf(operator).reserved, amount - back);
    }

    function testFuzz_refusesToReserveMoreThanIsFree(uint96 first, uint256 second) public {
        first = uint96(bound(first, 0, 10 ether));
        second = bound(second, 10 ether - first + 1, type(uint256).max);
        _reserve(first);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorStaking.FreeStakeTooLow.selector, operator, 10 ether - first, second)
        );
        _reserve(second);
    }

    function testFuzz_onlyAuthorisedOraclesReserve(address stranger, uint96 amount) public {
        vm.assume(stranger != oracle);
        assertFalse(staking.isAuthorised(operator, stranger));
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotAuthorised.selector, operator, stranger));
        vm.prank(stranger);
        staking.reserve(operator, amount);
    }

    function test_noNewReservationsWithoutAuthority() public {
        _reserve(1 ether);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.OracleAuthorised(operator, oracle, false);
        vm.prank(operator);
        staking.withdrawAuthority(oracle);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NotAuthorised.selector, operator, oracle));
        _reserve(1);
        vm.prank(oracle);
        staking.slash(operator, 1 ether, victim, 0);
        assertEq(staking.freeStakeOf(operator), 9 ether);
    }

    /// An oracle reaches what it reserved itself, and nothing that another one did.
    function testFuzz_anOracleReachesOnlyItsOwn(address other, uint96 amount, bool slashes) public {
        vm.assume(other != oracle);
        vm.prank(operator);
        staking.authorise(other);
        _reserve(5 ether);
        amount = uint96(bound(amount, 1, 5 ether));
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ReservationTooLow.selector, operator, other, 0, amount));
        vm.prank(other);
        if (slashes) staking.slash(operator, amount, other, 0);
        else staking.release(operator, amount);
    }

    function testFuzz_slashesPayBackAndBurn(uint96 amount, uint96 back) public {
        amount = uint96(bound(amount, 1, 10 ether));
        back = uint96(bound(back, 0, amount));
        _reserve(amount);
        vm.expectEmit(address(staking));
        emit IOperatorStaking.Slashed(operator, oracle, amount, victim, back);
        vm.prank(oracle);
        staking.slash(operator, amount, victim, back);
        assertEq(staking.BURNED().balance, amount - back);
        assertEq(staking.compensationOf(victim), back);
        assertEq(staking.totalStake(), 10 ether - amount);
        assertEq(address(staking).balance, staking.totalStake() + staking.totalCompensation());
        if (back == 0) return;
        vm.prank(victim);
        assertEq(staking.withdrawCompensation(victim), back);
        assertEq(victim.balance, back);
        assertEq(staking.totalCompensation(), 0);
    }

    function testFuzz_refusesMoreCompensationThanPenalty(uint96 amount, uint256 back) public {
        amount = uint96(bound(amount, 0, 10 ether));
        back = bound(back, uint256(amount) + 1, type(uint256).max);
        _reserve(amount);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.CompensationTooHigh.selector, amount, back));
        vm.prank(oracle);
        staking.slash(operator, amount, victim, back);
    }

    function testFuzz_refusesToCompensateNobody(uint96 back) public {
        back = uint96(bound(back, 1, 1 ether));
        _reserve(1 ether);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ZeroAddress.selector));
        vm.prank(oracle);
        staking.slash(operator, 1 ether, address(0), back);
    }

    function testFuzz_refusesToSlashMoreThanReserved(uint96 reserved, uint256 amount) public {
        reserved = uint96(bound(reserved, 0, 10 ether));
        amount = bound(amount, uint256(reserved) + 1, type(uint256).max);
        _reserve(reserved);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorStaking.ReservationTooLow.selector, operator, oracle, reserved, amount)
        );
        vm.prank(oracle);
        staking.slash(operator, amount, victim, 0);
    }
}

contract UnstakeTest is Test {
    OperatorStaking internal staking;
    address internal operator = makeAddr("operator");
    address internal oracle = makeAddr("oracle");

    function setUp() public {
        vm.warp(1_800_000_000);
        staking = new OperatorStaking();
        vm.deal(operator, 10 ether);
        vm.startPrank(operator);
        staking.stake{value: 10 ether}();
        staking.authorise(oracle);
        vm.stopPrank();
    }

    function testFuzz_paysAfterTheDelay(uint96 amount, uint32 wait) public {
        amount = uint96(bound(amount, 1, 10 ether));
        uint256 at = block.timestamp + staking.UNSTAKE_DELAY();
        vm.expectEmit(address(staking));
        emit IOperatorStaking.UnstakeStarted(operator, amount, uint64(at));
        vm.startPrank(operator);
        staking.startUnstake(amount);
        assertEq(staking.freeStakeOf(operator), 10 ether - amount);
        assertEq(staking.totalStake(), 10 ether);
        vm.warp(at + wait);
        assertEq(staking.withdrawUnstaked(operator), amount);
        assertEq(operator.balance, amount);
        assertEq(staking.totalStake(), 10 ether - amount);
    }

    function testFuzz_refusesBeforeTheDelayIsOver(uint32 wait) public {
        uint256 at = block.timestamp + staking.UNSTAKE_DELAY();
        vm.startPrank(operator);
        staking.startUnstake(1 ether);
        vm.warp(bound(wait, block.timestamp, at - 1));
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.StillUnstaking.selector, at, block.timestamp));
        staking.withdrawUnstaked(operator);
    }

    /// Obligations come first: what is reserved does not leave, and what leaves cannot be reserved.
    function testFuzz_reservedStakeDoesNotLeave(uint96 reserved, uint256 amount) public {
        reserved = uint96(bound(reserved, 0, 10 ether));
        amount = bound(amount, 10 ether - reserved + 1, type(uint256).max);
        vm.prank(oracle);
        staking.reserve(operator, reserved);
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorStaking.FreeStakeTooLow.selector, operator, 10 ether - reserved, amount)
        );
        vm.prank(operator);
        staking.startUnstake(amount);
    }

    function test_asecondStartWaitsAnew() public {
        vm.startPrank(operator);
        staking.startUnstake(1 ether);
        vm.warp(block.timestamp + 20 hours);
        staking.startUnstake(2 ether);
        IOperatorStaking.Account memory account = staking.accountOf(operator);
        assertEq(account.unstaking, 3 ether);
        assertEq(account.availableAt, block.timestamp + 1 days);
        staking.cancelUnstake();
        assertEq(staking.freeStakeOf(operator), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NothingToWithdraw.selector, operator));
        staking.withdrawUnstaked(operator);
    }

    function testFuzz_refusesWithoutAnything(address caller) public {
        vm.assume(caller != address(0));
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NothingToWithdraw.selector, caller));
        staking.withdrawUnstaked(caller);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NothingToWithdraw.selector, caller));
        staking.cancelUnstake();
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.NothingToWithdraw.selector, caller));
        staking.withdrawCompensation(caller);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ZeroAmount.selector));
        staking.startUnstake(0);
    }

    function test_refusesToPayNobodyOrWhoTakesNothing() public {
        vm.startPrank(operator);
        staking.startUnstake(1 ether);
        vm.warp(block.timestamp + 1 days);
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.ZeroAddress.selector));
        staking.withdrawUnstaked(address(0));
        address unpayable = address(new Unpayable());
        vm.expectRevert(abi.encodeWithSelector(IOperatorStaking.TransferFailed.selector, unpayable, 1 ether));
        staking.withdrawUnstaked(unpayable);
        assertEq(staking.accountOf(operator).unstaking, 1 ether);
    }
}
