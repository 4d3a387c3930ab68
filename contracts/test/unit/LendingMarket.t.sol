// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ExamplePrice} from "../../src/examples/ExamplePrice.sol";
import {ExampleToken} from "../../src/examples/ExampleToken.sol";
import {LendingMarket} from "../../src/examples/LendingMarket.sol";
import {RiskBase} from "../RiskBase.sol";

contract LendingMarketTest is RiskBase {
    ExampleToken internal collateral;
    ExampleToken internal debt;
    ExamplePrice internal price;
    LendingMarket internal market;
    address internal borrower = makeAddr("borrower");
    address internal liquidator = makeAddr("liquidator");

    function setUp() public override {
        collateral = new ExampleToken("Index", "IDX");
        debt = new ExampleToken("Dollar", "USD");
        asset = address(collateral);
        super.setUp();
        price = new ExamplePrice(owner, 2e18);
        market = new LendingMarket(collateral, debt, price, risk, TYPE, 6_500, 7_200, 500);
        debt.mint(address(market), 1_000_000e18);
        debt.mint(liquidator, 1_000_000e18);
        collateral.mint(borrower, 1_000e18);
        vm.prank(borrower);
        collateral.approve(address(market), type(uint256).max);
        vm.prank(liquidator);
        debt.approve(address(market), type(uint256).max);
    }

    function _borrow(uint256 amount) internal {
        vm.startPrank(borrower);
        market.deposit(1_000e18);
        market.borrow(amount);
        vm.stopPrank();
    }

    function _poke(int64[3] memory bps, uint8 mode) internal {
        vm.prank(user);
        bytes32 id = market.pokeRiskParameters{value: 1 ether}(mode);
        _answer(id, mode, bps, true, true);
    }

    function testFuzz_parametersFollowReleasesOnly(bool aggregate) public {
        (uint256 ltv, uint256 lt, uint256 lb, uint256 updateId) = market.riskParameters();
        assertEq(abi.encode(ltv, lt, lb, updateId), abi.encode(6_500, 7_200, 500, 0));
        _poke([int64(6_300), 7_000, 600], aggregate ? AGGREGATED : DIRECT);
        (ltv, lt, lb, updateId) = market.riskParameters();
        assertEq(abi.encode(ltv, lt, lb, updateId), abi.encode(6_300, 7_000, 600, 1));
        vm.warp(START + MIN_DELAY + 60);
        _poke([int64(9_000), 7_000, 600], DIRECT);
        (ltv,,, updateId) = market.riskParameters();
        assertEq(abi.encode(ltv, updateId), abi.encode(6_300, 1));
    }

    function testFuzz_pokePaysTheQuoteAndGivesChange(uint96 extra) public {
        extra = uint96(bound(extra, 0, 900 ether));
        uint256 fee = risk.quoteUpdate(asset, TYPE, DIRECT);
        uint256 before = user.balance;
        vm.prank(user);
        bytes32 id = market.pokeRiskParameters{value: fee + extra}(DIRECT);
        assertEq(user.balance, before - fee);
        assertEq(oracle.requestOf(id).refundTo, user);
        assertEq(address(market).balance, 0);
    }

    function testFuzz_pokeRefusesLessThanTheQuote(uint256 fee) public {
        uint256 expected = risk.quoteUpdate(asset, TYPE, DIRECT);
        fee = bound(fee, 0, expected - 1);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.FeeTooLow.selector, expected, fee));
        vm.prank(user);
        market.pokeRiskParameters{value: fee}(DIRECT);
    }

    function testFuzz_borrowsUpToTheLtv(uint256 amount) public {
        amount = bound(amount, 1, 2_000e18);
        vm.startPrank(borrower);
        market.deposit(1_000e18);
        if (amount > 1_300e18) {
            vm.expectRevert(abi.encodeWithSelector(LendingMarket.ExceedsLtv.selector, 1_300e18, amount));
            market.borrow(amount);
            return;
        }
        market.borrow(amount);
        assertEq(debt.balanceOf(borrower), amount);
        assertGe(market.healthFactor(borrower), 1e18);
    }

    function testFuzz_withdrawsOnlyWithinTheLtv(uint256 amount) public {
        _borrow(650e18);
        amount = bound(amount, 0, 1_000e18);
        vm.startPrank(borrower);
        if (amount > 500e18) {
            vm.expectPartialRevert(LendingMarket.ExceedsLtv.selector);
            market.withdrawCollateral(amount);
            return;
        }
        market.withdrawCollateral(amount);
        assertEq(collateral.balanceOf(borrower), amount);
    }

    function test_repays() public {
        _borrow(650e18);
        vm.prank(liquidator);
        market.repay(borrower, 650e18);
        assertEq(market.debtOf(borrower), 0);
        assertEq(market.healthFactor(borrower), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.ExceedsBalance.selector, 0, 1));
        market.repay(borrower, 1);
        vm.prank(borrower);
        market.withdrawCollateral(1_000e18);
    }

    /// The market's threshold moves by a proven release, and with it who can be liquidated.
    function test_aReleaseMakesAPositionLiquidatable() public {
        _borrow(1_300e18);
        vm.prank(owner);
        price.setPrice(1.82e18);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.Healthy.selector, 1_310.4e18, 1_300e18));
        vm.prank(liquidator);
        market.liquidate(borrower, 100e18);
        _poke([int64(6_300), 7_000, 600], DIRECT);
        assertLt(market.healthFactor(borrower), 1e18);
        vm.prank(liquidator);
        uint256 seized = market.liquidate(borrower, 182e18);
        assertEq(seized, 106e18);
        assertEq(collateral.balanceOf(liquidator), 106e18);
        assertEq(market.debtOf(borrower), 1_118e18);
        assertEq(market.collateralOf(borrower), 894e18);
    }

    function test_refusesZeroAmounts() public {
        vm.expectRevert(LendingMarket.ZeroAmount.selector);
        market.deposit(0);
        vm.expectRevert(LendingMarket.ZeroAmount.selector);
        market.borrow(0);
        vm.expectRevert(LendingMarket.ZeroAmount.selector);
        market.liquidate(borrower, 0);
    }

    function testFuzz_onlyTheOwnerSetsThePrice(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        price.setPrice(1);
    }
}
