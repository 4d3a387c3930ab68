// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {GreedyPayee, Penniless} from "../mocks/Consumers.sol";
import {Base} from "../Base.sol";

contract RefundTest is Base {
    function testFuzz_anyoneRefundsAfterTheDeadline(address caller, address to, uint64 late) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.refundTo = to;
        bytes32 id = _request(params);
        vm.warp(bound(late, uint256(params.deadline) + 1, type(uint64).max));
        address payee = to == address(0) ? user : to;
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Refunded(id, payee, 0.001 ether);
        vm.prank(caller);
        oracle.refund(id);
        assertEq(oracle.creditOf(address(0), payee), 0.001 ether);
        assertEq(oracle.totalEscrow(address(0)), 0);
        assertEq(_status(id), uint256(IDodonaOracle.Status.Refunded));
    }

    function testFuzz_refusesUntilTheDeadlineIsOver(uint64 at) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        bytes32 id = _request(params);
        vm.warp(bound(at, START, params.deadline));
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.DeadlineNotPassed.selector, id, params.deadline, block.timestamp)
        );
        oracle.refund(id);
    }

    /// A frozen version is refundable at once, and can no longer be answered.
    function testFuzz_atOnceIfTheVersionIsFrozen(uint32 at, bool aggregate) public {
        uint8 mode = aggregate ? AGGREGATED : DIRECT;
        bytes32 id = _request(_params(model, mode));
        Delivery memory d = _delivery(id, model, mode);
        d.expiry = type(uint64).max;
        _prove(d);
        uint32 version = aggregate ? aggregatedVersion : directVersion;
        _freezeVersion(version);
        vm.warp(bound(at, START, START + 1 hours));
        _expectFulfilRevert(d, abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, version));
        oracle.refund(id);
        assertEq(oracle.creditOf(address(0), user), aggregate ? 0.003 ether : 0.001 ether);
        assertEq(_status(id), uint256(IDodonaOracle.Status.Refunded));
    }

    function test_anotherFrozenVersionDoesNotMatter() public {
        bytes32 id = _request(_params(model, DIRECT));
        _freezeVersion(aggregatedVersion);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.DeadlineNotPassed.selector, id, START + 1 hours, START));
        oracle.refund(id);
    }

    function test_refusesTwice() public {
        bytes32 id = _request(_params(model, DIRECT));
        vm.warp(START + 2 hours);
        oracle.refund(id);
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.Refunded)
        );
        oracle.refund(id);
    }

    function test_refusesWhatWasFulfilled() public {
        bytes32 id = _request(_params(model, DIRECT));
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        vm.warp(START + 2 hours);
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.Fulfilled)
        );
        oracle.refund(id);
    }

    function test_refusesToFulfilWhatWasRefunded() public {
        bytes32 id = _request(_params(model, DIRECT));
        Delivery memory d = _delivery(id, model, DIRECT);
        d.expiry = type(uint64).max;
        _prove(d);
        vm.warp(START + 2 hours);
        oracle.refund(id);
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.Refunded)
        );
    }

    function testFuzz_refusesUnknown(bytes32 id) public {
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.None));
        oracle.refund(id);
    }
}

contract WithdrawTest is Base {
    function _earn(address payee) internal {
        Delivery memory d = _delivery(_request(_params(model, DIRECT)), model, DIRECT);
        d.payee = payee;
        _fulfil(_prove(d));
    }

    function test_paysAllCreditsOnce() public {
        _earn(operator);
        _earn(operator);
        address payable to = payable(makeAddr("cold wallet"));
        vm.prank(operator);
        assertEq(oracle.withdraw(address(0), to), 0.002 ether);
        assertEq(to.balance, 0.002 ether);
        assertEq(oracle.totalCredits(address(0)), 0);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NothingToWithdraw.selector, address(0), operator));
        vm.prank(operator);
        oracle.withdraw(address(0), to);
    }

    function test_refusesToPayNobody() public {
        _earn(operator);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ZeroPayee.selector));
        vm.prank(operator);
        oracle.withdraw(address(0), address(0));
    }

    function testFuzz_refusesWithoutCredit(address caller) public {
        vm.assume(caller != address(0));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NothingToWithdraw.selector, address(0), caller));
        vm.prank(caller);
        oracle.withdraw(address(0), (caller));
    }

    function test_aFailedTransferKeepsTheCredit() public {
        Penniless payee = new Penniless(oracle);
        _earn(address(payee));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.TransferFailed.selector, address(payee), 0.001 ether));
        payee.withdraw();
        assertEq(oracle.creditOf(address(0), address(payee)), 0.001 ether);
    }

    function test_aReentrantPayeeIsPaidOnce() public {
        GreedyPayee payee = new GreedyPayee(oracle);
        _earn(address(payee));
        _earn(operator);
        payee.withdraw();
        assertEq(payee.received(), 0.001 ether);
        assertEq(address(oracle).balance, 0.001 ether);
    }
}
