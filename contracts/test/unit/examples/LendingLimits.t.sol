// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ask} from "../../../src/examples/Ask.sol";
import {ExamplePrice} from "../../../src/examples/ExamplePrice.sol";
import {ExampleToken} from "../../../src/examples/ExampleToken.sol";
import {LendingMarket} from "../../../src/examples/LendingMarket.sol";
import {IDodonaOracle} from "../../../src/interfaces/IDodonaOracle.sol";
import {IDodonaRiskOracle} from "../../../src/interfaces/IRiskOracle.sol";
import {ExampleBase} from "../../ExampleBase.sol";

/// @notice Limits of the small examples that no answer has to arrive for. The risk oracle is a mock without a release; this
/// contract, which takes no ETH, is borrower and liquidator.
contract LendingLimitsTest is ExampleBase {
    uint256 private constant COLLATERAL = 1_000e18;

    ExampleToken private collateral;
    ExampleToken private debt;
    ExamplePrice private price;
    LendingMarket private market;
    address private risk = makeAddr("risk oracle");

    function setUp() public override {
        super.setUp();
        collateral = new ExampleToken("Index", "IDX");
        debt = new ExampleToken("Dollar", "USD");
        price = new ExamplePrice(address(this), 2e18);
        market = new LendingMarket(collateral, debt, price, IDodonaRiskOracle(risk), "type", 6_500, 7_200, 500);
        vm.mockCall(
            risk, abi.encodeWithSignature("latestUpdateIdByMarketAndType(address,string)"), abi.encode(uint256(0))
        );
        debt.mint(address(market), 1_000_000e18);
        debt.mint(address(this), 1_000_000e18);
        collateral.mint(address(this), COLLATERAL);
        collateral.approve(address(market), type(uint256).max);
        debt.approve(address(market), type(uint256).max);
        market.deposit(COLLATERAL);
    }

    function testFuzz_revertsIfTheChangeIsRefused(uint96 fee, uint96 change) public {
        change = uint96(bound(change, 1, type(uint96).max));
        vm.deal(address(this), uint256(fee) + change);
        vm.deal(risk, 0);
        vm.mockCall(risk, abi.encodeWithSignature("quoteUpdate(address,string,uint8)"), abi.encode(uint256(fee)));
        vm.mockCall(
            risk, abi.encodeWithSignature("requestUpdate(address,string,uint8,address)"), abi.encode(bytes32("id"))
        );
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.RefundFailed.selector, address(this), change));
        market.pokeRiskParameters{value: uint256(fee) + change}(DIRECT);
    }

    function testFuzz_revertsIfMoreCollateralIsWithdrawnThanThereIs(uint256 amount) public {
        amount = bound(amount, COLLATERAL + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.ExceedsBalance.selector, COLLATERAL, amount));
        market.withdrawCollateral(amount);
    }

    function testFuzz_revertsIfMoreIsLiquidatedThanIsOwed(uint256 amount) public {
        market.borrow(1_300e18);
        price.setPrice(1.8e18);
        amount = bound(amount, 1_300e18 + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.ExceedsBalance.selector, 1_300e18, amount));
        market.liquidate(address(this), amount);
    }

    function testFuzz_revertsIfMoreWouldBeSeizedThanThereIs(uint256 amount) public {
        market.borrow(1_300e18);
        price.setPrice(1e18);
        // At a price of 1 and a bonus of 5 %, so much of the debt is worth more than the collateral, rounding aside.
        amount = bound(amount, COLLATERAL * 10_000 / 10_500 + 2, 1_300e18);
        uint256 seized = amount * 10_500 / 10_000;
        vm.expectRevert(abi.encodeWithSelector(LendingMarket.ExceedsBalance.selector, COLLATERAL, seized));
        market.liquidate(address(this), amount);
    }

    function test_revertsIfThePriceIsZero() public {
        vm.expectRevert(ExamplePrice.ZeroPrice.selector);
        price.setPrice(0);
    }

    function testFuzz_theReadmesExampleRefusesWhatIsOutsideTheDomain(int64 output) public {
        Ask ask = new Ask(oracle);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.fee = 0.01 ether;
        vm.prank(user);
        bytes32 id = ask.ask{value: 0.01 ether}(params);
        IDodonaOracle.Answer memory answer = _answerOf(0, output);
        answer.inDomain = false;
        vm.expectRevert(bytes("outside the model's domain"));
        vm.prank(address(oracle));
        ask.onDodonaAnswer(id, answer);
    }
}
