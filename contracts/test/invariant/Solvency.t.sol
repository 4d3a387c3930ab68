// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OracleInvariantBase} from "./OracleInvariantBase.sol";

contract SolvencyInvariant is OracleInvariantBase {
    /// Escrow and credits are exactly what the oracle holds of each token, and what came in is held or was paid out.
    function invariant_solvency() public view {
        _check(address(0), address(subject).balance);
        _check(address(handler.token()), handler.token().balanceOf(address(subject)));
    }

    /// Stake and compensations are exactly what the staking contract holds; what left was unstaked or burned.
    function invariant_stakingSolvency() public view {
        uint256 held = address(staking).balance;
        assertEq(staking.totalStake() + staking.totalCompensation(), held);
        assertEq(handler.staked(), held + handler.unstaked() + staking.BURNED().balance);
    }

    function _check(address token, uint256 balance) private view {
        assertEq(subject.totalEscrow(token) + subject.totalCredits(token), balance);
        assertEq(handler.paidIn(token), balance + handler.paidOut(token));
        uint256 credits = 0;
        for (uint256 i = 0; i < 3; ++i) {
            credits += subject.creditOf(token, handler.payees(i));
        }
        assertEq(credits, subject.totalCredits(token));
    }

    function test_reached() public {
        _reachAll();
        assertGt(handler.paidOut(address(0)), 0);
        assertGt(handler.paidOut(address(handler.token())), 0);
        assertGt(staking.BURNED().balance, 0);
        assertEq(handler.reached("settle"), 1);
        assertEq(handler.reached("increase"), 1);
        invariant_solvency();
        invariant_stakingSolvency();
    }
}
