// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {Base} from "../Base.sol";

contract IncreaseFeeTest is Base {
    bytes32 internal id;
    uint256 internal deadline = START + 1 hours;

    function setUp() public override {
        super.setUp();
        id = _request(_params(model, DIRECT));
    }

    function _raise(address by, uint96 amount, uint256 value) internal {
        vm.deal(by, value);
        vm.prank(by);
        oracle.increaseFee{value: value}(id, amount);
    }

    function testFuzz_anyoneUntilTheDeadline(address payer, uint96 amount, uint32 at) public {
        vm.assume(payer != address(oracle));
        amount = uint96(bound(amount, 1, 100 ether));
        vm.warp(bound(at, START, deadline));
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.FeeIncreased(id, payer, amount, 0.001 ether + uint256(amount));
        _raise(payer, amount, amount);
        assertEq(oracle.requestOf(id).fee, 0.001 ether + uint256(amount));
        assertEq(oracle.totalEscrow(address(0)), 0.001 ether + uint256(amount));
    }

    function test_thePayeeGetsAllOfIt() public {
        _raise(user, 1 ether, 1 ether);
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        assertEq(oracle.creditOf(address(0), operator), 1.001 ether);
    }

    function test_aRefundGivesAllOfItToTheRequester() public {
        _raise(operator, 1 ether, 1 ether);
        vm.warp(deadline + 1);
        oracle.refund(id);
        assertEq(oracle.creditOf(address(0), user), 1.001 ether);
    }

    function testFuzz_refusesAfterTheDeadline(uint32 late) public {
        vm.warp(bound(late, deadline + 1, type(uint32).max));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.DeadlinePassed.selector, id, deadline, block.timestamp));
        _raise(user, 1, 1);
    }

    function test_refusesWhatIsSettled() public {
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.Fulfilled)
        );
        _raise(user, 1, 1);
    }

    function testFuzz_refusesAnotherValue(uint96 amount, uint96 value) public {
        amount = uint96(bound(amount, 1, 100 ether));
        value = uint96(bound(value, 0, 100 ether));
        vm.assume(amount != value);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ValueMismatch.selector, amount, value));
        _raise(user, amount, value);
    }

    function testFuzz_refusesNothing(uint96 value) public {
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ZeroAmount.selector));
        _raise(user, 0, value);
    }

    function testFuzz_refusesAFeeThatDoesNotFit(uint96 amount) public {
        amount = uint96(bound(amount, type(uint96).max - 0.001 ether + 1, type(uint96).max));
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.FeeTooHigh.selector, type(uint96).max, uint256(amount) + 0.001 ether)
        );
        _raise(user, amount, amount);
    }
}
