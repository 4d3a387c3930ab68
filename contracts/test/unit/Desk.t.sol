// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {OracleDesk} from "../../src/oracle/Desk.sol";
import {Base} from "../Base.sol";

/// @notice The desk has no life of its own: at its own address no verb does anything, and the oracle is not touched.
contract DeskTest is Base {
    OracleDesk internal desk;

    function setUp() public override {
        super.setUp();
        desk = OracleDesk(oracle.desk());
    }

    function test_takesNoRequests() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.TokenNotListed.selector, address(0)));
        vm.prank(user);
        desk.request{value: params.fee}(params);
    }

    function testFuzz_hasNoOwnerToSpeakOf(address caller) public {
        vm.assume(caller != address(oracle));
        assertEq(desk.owner(), address(oracle));
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        desk.setPrices(address(0), IDodonaOracle.Prices(0, 0, 0, true));
    }

    function testFuzz_knowsNoRequest(bool real) public {
        bytes32 id = real ? _request(_params(model, DIRECT)) : bytes32(uint256(1));
        IDodonaOracle.SignedHeader[] memory observations = _slot(model).observations;
        bytes memory closed =
            abi.encodeWithSelector(IDodonaOracle.RequestNotOpen.selector, id, IDodonaOracle.Status.None);
        vm.expectRevert(closed);
        desk.refund(id);
        vm.expectRevert(closed);
        desk.increaseFee(id, 1);
        vm.expectRevert(closed);
        desk.accept(id, operator, observations);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        desk.settleMissed(id);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NotAccepted.selector, id));
        desk.voidAcceptance(id, operator, observations);
        assertEq(_status(id), real ? 1 : 0);
    }

    /// What the oracle answers at the desk comes back whole, results and reasons.
    function test_resultsComeBackWhole() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        bytes32 expected = oracle.requestIdOf(user, 0, params);
        vm.prank(user);
        assertEq(oracle.request{value: params.fee}(params), expected);
        assertEq(oracle.owner(), owner);
        assertEq(oracle.pricesOf(address(0)).aggregated, 0.003 ether);
    }
}
