// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OracleInvariantBase} from "./OracleInvariantBase.sol";

contract OwnerFundsInvariant is OracleInvariantBase {
    /// Whatever the owner does, nothing moves, and nothing ever becomes the owner's.
    function invariant_ownerCannotMoveFunds() public view {
        assertFalse(handler.ownerMovedFunds());
        address owner = handler.ownerOfOracle();
        assertEq(owner.balance, 0);
        assertEq(subject.creditOf(address(0), owner), 0);
        assertEq(subject.creditOf(address(handler.token()), owner), 0);
        assertEq(staking.compensationOf(owner), 0);
    }

    function test_reached() public {
        _reachAll();
        assertGt(subject.totalCredits(address(0)), 0);
        invariant_ownerCannotMoveFunds();
    }
}
