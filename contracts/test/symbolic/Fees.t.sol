// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Test} from "forge-std/Test.sol";

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IOperatorStaking} from "../../src/interfaces/IOperatorStaking.sol";
import {OracleStore} from "../../src/oracle/Store.sol";

/// @notice The oracle's arithmetic of fees for all inputs, on the oracle's own storage: `scripts/halmos --contract FeesSymbolic` runs
/// every `check_`. The same functions run as fuzz tests under forge.
contract FeesSymbolic is Test, OracleStore {
    constructor() Ownable(address(1)) OracleStore(IOperatorStaking(address(0))) {}

    function quoteOf(IDodonaOracle.RequestParams calldata params) external view returns (uint256) {
        return _quote(params);
    }

    function _paramsOf(uint8 mode, uint32 gasLimit) private pure returns (IDodonaOracle.RequestParams memory params) {
        (params.mode, params.callbackGasLimit) = (mode, gasLimit);
    }

    /// A listed token's quote exists, is at least the mode's price, and without callback is exactly that.
    function check_quoteIsThePriceAndWhatGasAddsToIt(uint96 direct, uint96 aggregated, bool proven) public {
        _prices[ETH] = StoredPrices(direct, aggregated, 1 gwei, true);
        uint8 mode = proven ? 1 : 0;
        uint256 price = proven ? aggregated : direct;
        assert(this.quoteOf(_paramsOf(mode, 0)) == price);
        assert(this.quoteOf(_paramsOf(mode, 1)) == price + 1 gwei);
        assert(this.quoteOf(_paramsOf(mode, CALLBACK_GAS)) == price + uint256(CALLBACK_GAS) * 1 gwei);
    }

    /// The dearest callback at any price that an owner can set adds less than 2^80 wei: a quote never overflows.
    function check_quoteNeverOverflows(uint96 direct, uint56 gasPrice) public {
        _prices[ETH] = StoredPrices(direct, 0, gasPrice, true);
        uint256 fee = this.quoteOf(_paramsOf(0, CALLBACK_GAS));
        assert(fee >= direct);
        assert(fee - direct < 2 ** 80);
    }

    /// Money that leaves escrow arrives as credit, all of it, and nobody else's credit changes.
    function check_creditMovesWhatEscrowHeld(
        uint96 escrow,
        uint96 credits,
        uint96 before,
        uint96 amount,
        address account,
        address other
    ) public {
        vm.assume(other != account && amount <= escrow && before <= credits);
        vm.assume(uint256(escrow) + credits <= type(uint96).max);
        _books[ETH] = Book(escrow, credits, 7);
        _creditOf[ETH][account] = before;
        _creditOf[ETH][other] = 5;
        _credit(ETH, account, amount);
        Book memory book = _books[ETH];
        assert(uint256(book.escrow) + book.credits == uint256(escrow) + credits);
        assert(book.escrow == escrow - amount && book.nonce == 7);
        assert(_creditOf[ETH][account] == uint256(before) + amount && _creditOf[ETH][other] == 5);
    }

    function testFuzz_quote(uint96 direct, uint96 aggregated, bool proven, uint56 gasPrice) public {
        check_quoteIsThePriceAndWhatGasAddsToIt(direct, aggregated, proven);
        check_quoteNeverOverflows(direct, gasPrice);
    }

    function testFuzz_credit(
        uint96 escrow,
        uint96 credits,
        uint96 before,
        uint96 amount,
        address account,
        address other
    ) public {
        credits = uint96(bound(credits, 0, type(uint96).max - escrow));
        (before, amount) = (uint96(bound(before, 0, credits)), uint96(bound(amount, 0, escrow)));
        vm.assume(account != other);
        check_creditMovesWhatEscrowHeld(escrow, credits, before, amount, account, other);
    }
}
