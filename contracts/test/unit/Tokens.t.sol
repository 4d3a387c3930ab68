// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {Base} from "../Base.sol";
import {Consumer} from "../mocks/Consumers.sol";
import {WeirdToken} from "../mocks/Tokens.sol";

/// @notice Fees in an ERC-20 token, and tokens that misbehave.
contract TokensTest is Base {
    WeirdToken internal token;

    function setUp() public override {
        super.setUp();
        token = new WeirdToken();
        vm.prank(owner);
        oracle.setPrices(address(token), IDodonaOracle.Prices(100, 300, 2, true));
        token.mint(user, 1e30);
        vm.prank(user);
        token.approve(address(oracle), type(uint256).max);
    }

    function _tokenParams(uint8 mode) internal view returns (IDodonaOracle.RequestParams memory params) {
        params = _params(model, mode);
        params.feeToken = address(token);
        params.fee = uint96(oracle.quote(params));
    }

    function _ask(IDodonaOracle.RequestParams memory params) internal returns (bytes32) {
        vm.prank(user);
        return oracle.request(params);
    }

    function _expectAskRevert(IDodonaOracle.RequestParams memory params, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(user);
        oracle.request(params);
    }

    function testFuzz_quotesInTheToken(bool aggregate, uint32 gasLimit) public view {
        IDodonaOracle.RequestParams memory params = _params(model, aggregate ? AGGREGATED : DIRECT);
        params.feeToken = address(token);
        params.callbackGasLimit = gasLimit;
        assertEq(oracle.quote(params), (aggregate ? 300 : 100) + uint256(gasLimit) * 2);
    }

    function testFuzz_paysThePayeeInTheToken(uint96 fee, bool silent) public {
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        params.fee = uint96(bound(fee, params.fee, 1e28));
        if (silent) token.setWay(WeirdToken.Way.ReturnNothing);
        bytes32 id = _ask(params);
        assertEq(oracle.requestOf(id).feeToken, address(token));
        assertEq(oracle.totalEscrow(address(token)), params.fee);
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        assertEq(oracle.creditOf(address(token), operator), params.fee);
        assertEq(oracle.creditOf(address(0), operator), 0);
        vm.prank(operator);
        assertEq(oracle.withdraw(address(token), operator), params.fee);
        assertEq(token.balanceOf(operator), params.fee);
        assertEq(oracle.totalCredits(address(token)), 0);
    }

    function test_refundsInTheToken() public {
        bytes32 id = _ask(_tokenParams(DIRECT));
        vm.warp(START + 2 hours);
        oracle.refund(id);
        assertEq(oracle.creditOf(address(token), user), 100);
    }

    function test_oneBatchOfTwoTokens() public {
        bytes32[] memory ids = new bytes32[](2);
        ids[0] = _ask(_tokenParams(AGGREGATED));
        ids[1] = _request(_params(model, AGGREGATED));
        Delivery memory d = _delivery(ids[0], model, AGGREGATED);
        d.ids = ids;
        d.slots = new IDodonaOracle.Slot[](2);
        (d.slots[0], d.slots[1]) = (_slot(model), _slot(model));
        _fulfil(_prove(d));
        assertEq(oracle.creditOf(address(token), operator), 300);
        assertEq(oracle.creditOf(address(0), operator), 0.003 ether);
    }

    function testFuzz_refusesValueBesideTokens(uint96 value) public {
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        value = uint96(bound(value, 1, 1 ether));
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.ValueMismatch.selector, 0, value));
        vm.prank(user);
        oracle.request{value: value}(params);
    }

    function testFuzz_refusesFeeOnTransfer(uint96 fee) public {
        token.setWay(WeirdToken.Way.TakeFee);
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        params.fee = uint96(bound(fee, params.fee, 1e28));
        uint256 got = params.fee - params.fee / 100;
        _expectAskRevert(
            params, abi.encodeWithSelector(IDodonaOracle.TokenMismatch.selector, address(token), params.fee, got)
        );
    }

    function test_refusesATokenThatGivesMore() public {
        token.setWay(WeirdToken.Way.Overpay);
        _expectAskRevert(
            _tokenParams(DIRECT), abi.encodeWithSelector(IDodonaOracle.TokenMismatch.selector, address(token), 100, 101)
        );
    }

    function testFuzz_refusesATokenThatRebasedDown(uint96 lost) public {
        _ask(_tokenParams(DIRECT));
        _fulfil(_prove(_delivery(_ask(_tokenParams(DIRECT)), model, DIRECT)));
        lost = uint96(bound(lost, 1, 200));
        token.shrink(address(oracle), lost);
        _expectAskRevert(
            _tokenParams(DIRECT),
            abi.encodeWithSelector(IDodonaOracle.TokenShortfall.selector, address(token), 200, 200 - lost)
        );
    }

    function test_refusesATokenThatReturnsFalseOrReverts() public {
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        token.setWay(WeirdToken.Way.ReturnFalse);
        _expectAskRevert(params, abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        token.setWay(WeirdToken.Way.Revert);
        _expectAskRevert(params, abi.encodeWithSignature("Error(string)", "weird"));
    }

    /// A withdrawal that the token refuses leaves the credit.
    function test_aRefusedTransferKeepsTheCredit() public {
        _fulfil(_prove(_delivery(_ask(_tokenParams(DIRECT)), model, DIRECT)));
        token.setWay(WeirdToken.Way.ReturnFalse);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        vm.prank(operator);
        oracle.withdraw(address(token), operator);
        assertEq(oracle.creditOf(address(token), operator), 100);
    }

    function test_delistingTouchesNewRequestsOnly() public {
        bytes32 id = _ask(_tokenParams(DIRECT));
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        vm.prank(owner);
        oracle.setPrices(address(token), IDodonaOracle.Prices(100, 300, 2, false));
        _expectAskRevert(params, abi.encodeWithSelector(IDodonaOracle.TokenNotListed.selector, address(token)));
        vm.prank(user);
        oracle.increaseFee(id, 11);
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        vm.prank(operator);
        assertEq(oracle.withdraw(address(token), operator), 111);
    }

    /// A token asks again in the middle of being pulled: what it has not paid yet is missing already.
    function test_reentrantRequestIsRefused() public {
        IDodonaOracle.RequestParams memory params = _reentrantRequest();
        _ask(params);
        assertFalse(token.reentered());
        assertEq(oracle.totalEscrow(address(token)), params.fee);
        assertEq(token.balanceOf(address(oracle)), params.fee);
    }

    /// The same with tokens given to the oracle before: the outer request finds more than its own fee.
    function test_reentrantRequestOverADonationIsRefused() public {
        IDodonaOracle.RequestParams memory params = _reentrantRequest();
        token.mint(address(oracle), 1_000);
        _expectAskRevert(
            params, abi.encodeWithSelector(IDodonaOracle.TokenMismatch.selector, address(token), 1_100, 1_200)
        );
    }

    function _reentrantRequest() private returns (IDodonaOracle.RequestParams memory params) {
        params = _tokenParams(DIRECT);
        token.mint(address(token), 1_000);
        vm.prank(address(token));
        token.approve(address(oracle), type(uint256).max);
        token.setWay(WeirdToken.Way.Reenter);
        token.setCall(address(oracle), abi.encodeCall(oracle.request, (params)));
    }

    /// A token lets its accomplice withdraw in the middle of being pulled: the balance does not add up.
    function test_reentrantWithdrawalIsRefused() public {
        Delivery memory d = _delivery(_ask(_tokenParams(DIRECT)), model, DIRECT);
        d.payee = address(token);
        _fulfil(_prove(d));
        token.setWay(WeirdToken.Way.Reenter);
        token.setCall(address(oracle), abi.encodeCall(oracle.withdraw, (address(token), operator)));
        _expectAskRevert(
            _tokenParams(DIRECT), abi.encodeWithSelector(IDodonaOracle.TokenMismatch.selector, address(token), 200, 100)
        );
    }

    function test_aConsumerPaysInTokens() public {
        Consumer consumer = new Consumer(oracle);
        token.mint(address(consumer), 1e6);
        IDodonaOracle.RequestParams memory params = _tokenParams(DIRECT);
        params.callbackGasLimit = 300_000;
        params.fee = uint96(oracle.quote(params));
        bytes32 id = consumer.askWithToken(params);
        assertTrue(consumer.isOpen(id));
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        assertEq(consumer.answers(), 1);
        assertFalse(consumer.isOpen(id));
        assertEq(oracle.creditOf(address(token), operator), params.fee);
        assertEq(token.allowance(address(consumer), address(oracle)), 0);
    }
}
